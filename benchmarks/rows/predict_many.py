"""Many rows at once, Arrow in and out."""

import io
import time
from contextlib import ExitStack

import pyarrow as pa

from benchmarks import calls, data, environments, servers
from benchmarks.environments import Unavailable
from benchmarks.figures import Asked, Row
from benchmarks.lab import peer, theirs
from benchmarks.measure import Peer, Sample, compete
from benchmarks.servers import Server

N, P = 100_000, 20
READ_AND_WRITE = Asked(least=1 / 3, text="at most 3 times the time to read and write the bytes")


def predict_many() -> Row:
    """The whole call: sending the rows, predicting, reading the predictions."""
    table = pa.table(list(data.matrix(N, P + 1)[:, :P].T), names=data.names(P + 1)[:P])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=data.BLOCK_ROWS)
    body = sink.getvalue()
    with ExitStack() as held:
        peers, server = held.enter_context(theirs()), held.enter_context(servers.linefit())
        made = calls.upload(server.port, "/datasets", data.arrow(1000, P + 1), calls.ARROW)
        model = calls.post(server.port, "/fit", {"dataset_id": made["id"], "target": "y"})

        def predict() -> Sample:
            seconds, answer = _called(server, f"/predict?model_id={model['id']}", body)
            predictions = pa.ipc.open_stream(answer).read_all().column("prediction")
            assert len(predictions) == N
            return seconds, [value - model["intercept"] for value in predictions[:5].to_pylist()]

        size = len(_called(server, f"/predict?model_id={model['id']}", body)[1])
        work = f"`POST /predict`, {N:,} rows x {P}, Arrow in and out ({len(body) / 1e6:.0f} MB)"
        return compete("predict_many", work, "s", predict, [
            _raw(held, body, size),
            peer("numpy dot", peers, "benchmarks.peers.libraries:one_thread_of_dot", data.rows(N, P + 1), model["coef"], digits=12, note="rows in memory, one thread"),
        ])  # fmt: skip


def _raw(held: ExitStack, body: bytes, size: int) -> Peer:
    name = "raw ASGI that reads as many bytes and writes as many"
    try:
        server = held.enter_context(servers.uvicorn(environments.libraries(), "benchmarks.peers.apps:raw"))
    except Unavailable as error:
        return Peer(name, None, READ_AND_WRITE, note=str(error))

    def run() -> Sample:
        seconds, answer = _called(server, f"/{size}", body)
        assert len(answer) == size
        return seconds, ()

    return Peer(name, run, READ_AND_WRITE)


def _called(server: Server, path: str, body: bytes) -> tuple[float, bytes]:
    started = time.perf_counter()
    answer = calls.send(server.port, path, body, calls.ARROW, Accept=calls.ARROW)
    return time.perf_counter() - started, answer
