"""Rows sent over HTTP, summed up, stored, and fitted."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import calls, data, environments, memory, servers
from benchmarks.environments import Unavailable
from benchmarks.figures import Asked, Bound, Row
from benchmarks.lab import calling, peer, theirs, times
from benchmarks.measure import Differs, Peer, Run, Sample, compete
from benchmarks.servers import Server
from benchmarks.worker import CallFailed, Worker

READ_AND_FIT = "benchmarks.peers.files:read_and_fit"
MB = 1_000_000


def csv() -> Row:
    """CSV, every digit of a double written out."""
    path = data.csv(500_000, 21)
    work = f"CSV upload of {path.stat().st_size / MB:.0f} MB (500,000 x 21) and fit, over HTTP, rows stored"
    with theirs() as peers, servers.linefit() as server:
        h2o = _h2o(peers, path)
        row = compete("csv", work, "s", uploading(server, path, calls.CSV), [
            h2o,
            peer(
                "pandas read_csv + scikit-learn", peers, READ_AND_FIT, "pandas", path, digits=9, note="in one process, no HTTP",
                asked=Asked(least=1 / 1.5, text="at most 1.5 times its time"),
            ),
            peer("polars read_csv + scikit-learn", peers, READ_AND_FIT, "polars", path, digits=9, note="the same"),
            peer("pyarrow read_csv + scikit-learn", peers, READ_AND_FIT, "pyarrow", path, digits=9, note="the same"),
            peer("pyarrow open_csv", peers, READ_AND_FIT, "open_csv", path, note="the same, reading alone, one thread"),
            peer("DuckDB regr_slope of three features", peers, READ_AND_FIT, "duckdb", path, note="the same"),
        ])  # fmt: skip
        if peers is not None and h2o.run is not None:
            peers.call("benchmarks.peers.h2o_cluster:stop")
        return with_memory(row, server, lambda: upload_and_fit(server, path, calls.CSV))


def arrow() -> Row:
    """An Arrow stream in batches of 65,536 rows."""
    return _binary("arrow", "Arrow", data.arrow, calls.ARROW)


def parquet() -> Row:
    """Parquet as pyarrow writes it."""
    return _binary("parquet", "Parquet", data.parquet, calls.PARQUET)


def _binary(name: str, called: str, made: Callable[[int, int], Path], content_type: str) -> Row:
    """Both in a process that does so for the first time: one that has gone through 1.6 GB before keeps the memory for the next.

    pyarrow + scikit-learn took 12.4 s first and 9.7 s then; who fits a file of that size does not fit it twice.
    """
    work = f"{called} upload of 10,000,000 x 20 and fit, over HTTP, rows stored"

    def ours() -> Sample:
        with servers.linefit() as server:
            return uploading(server, path, content_type)()

    with servers.linefit() as server:
        calls.upload(server.port, "/datasets", made(1000, 20), content_type)  # a format that is not built is known at once
        path = made(10_000_000, 20)
    row = compete(name, work, "s", ours, [_pyarrow(name, path)])
    with servers.linefit() as server:
        return with_memory(row, server, lambda: upload_and_fit(server, path, content_type))


def _pyarrow(how: str, path: Path) -> Peer:
    name, asked = "pyarrow + scikit-learn", times(3)
    try:
        environment = environments.libraries()
    except Unavailable as error:
        return Peer(name, None, asked, 9, str(error))

    def run() -> Sample:
        with Worker(environment.python) as worker:
            return calling(worker, READ_AND_FIT, how, path)()

    note = "in one process, no HTTP; each run of either in a new process, which has started"
    return Peer(name, run, asked, 9, note)


def json_body() -> Row:
    """A large body of JSON, and FastAPI's default way with it."""
    path = data.json_rows(200_000, 11)
    size = path.stat().st_size
    work = f'JSON `{{"X": 200,000 x 10, "y"}}` ({size / MB:.0f} MB), socket to moments, rows stored'
    parsed = "benchmarks.peers.bodies:parsed"
    with theirs() as peers, servers.linefit() as server:

        def ours() -> Sample:
            started = time.perf_counter()
            made = calls.upload(server.port, "/datasets", path, calls.JSON)
            seconds = time.perf_counter() - started
            return size / seconds, _sums(server, made["id"])

        row = compete("json_body", work, "B/s", ours, [
            _fastapi(path, size),
            peer("json + pydantic", peers, parsed, "pydantic", path, digits=9, note="in one process, no HTTP"),
            peer("orjson", peers, parsed, "orjson", path, digits=9, note="the same"),
            peer("msgspec", peers, parsed, "msgspec", path, digits=9, note="the same"),
            peer("pysimdjson as_buffer", peers, parsed, "simdjson", path, digits=9, note="the same; takes ragged rows"),
        ])  # fmt: skip
        _require_same_errors(server, path)
    bound = Bound(what="bytes read", value=row.value, unit="B/s", limit=200 * MB, text="at least 200 MB/s")
    return row.model_copy(update={"bounds": [bound]})


def _require_same_errors(server: Server, path: Path) -> None:
    """What is wrong in the last of many rows is told as in the last of three. Raises: Differs."""
    large, small = path.read_bytes(), b'{"X":[[1,2.5],[3,4],[5,6]],"y":[1,2,4]}'
    for wrong in (b",7.5]],", b",NaN]],", b',"7"]],', b",[1]]],"):
        told = [_problem(server, body.replace(b"]],", wrong, 1)) for body in (small, large)]
        if told[0] != told[1]:
            raise Differs(f"of a small body: {told[0]}; of a large one: {told[1]}")


def _problem(server: Server, body: bytes) -> str:
    """The answer without its numbers: rows, columns and lengths are others in each body."""
    try:
        calls.send(server.port, "/datasets", body, calls.JSON)
    except calls.Refused as refused:
        return re.sub(r"\d+", "#", str(refused))
    raise Differs("a wrong body was taken")


def _fastapi(path: Path, size: int) -> Peer:
    name, asked = "FastAPI's default: a Pydantic model of lists", times(8)
    try:
        environment = environments.libraries()
    except Unavailable as error:
        return Peer(name, None, asked, 9, str(error))

    def run() -> Sample:
        with servers.uvicorn(environment, "benchmarks.peers.apps:fastapi") as server:
            started = time.perf_counter()
            found = calls.upload(server.port, "/moments", path, calls.JSON)
            return size / (time.perf_counter() - started), found

    return Peer(name, run, asked, 9)


def _sums(server: Server, dataset: str) -> list[float]:
    """Sums of y, of y squared and of each feature times y, from the exact moments."""
    moments = calls.get(server.port, f"/datasets/{dataset}/moments")
    places = [0, *moments["places"]] if len(moments["places"]) < len(moments["columns"]) + 1 else moments["places"]
    q = len(moments["columns"])
    at = {
        (i, j): int(text)
        for i, row in enumerate(moments["sums"])
        for j, text in enumerate(row, start=i if len(row) <= q - i + 1 else 0)
    }

    def value(i: int, j: int) -> float:
        place = places[i] + places[j]
        return at[i, j] / 2**place if place >= 0 else float(at[i, j] * 2**-place)

    return [value(0, q), value(q, q), *(value(i, q) for i in range(1, q))]


def uploading(server: Server, path: Path, content_type: str) -> Run:
    """Seconds from the first byte to the fitted model."""

    def run() -> Sample:
        started = time.perf_counter()
        model = upload_and_fit(server, path, content_type)
        return time.perf_counter() - started, [model["intercept"], *model["coef"]]

    return run


def upload_and_fit(server: Server, path: Path, content_type: str) -> Any:
    """The model of y on all other columns."""
    made = calls.upload(server.port, "/datasets", path, content_type)
    return calls.post(server.port, "/fit", {"dataset_id": made["id"], "target": "y"})


def with_memory(row: Row, server: Server, work: Callable[[], object]) -> Row:
    """The row with the most memory that the server takes for the work, above what it had when it was idle."""
    memory.forget_peak(server.pid)
    work()
    bound = Bound(
        what="memory of the server above idle", value=server.above_idle(), unit="B", limit=300 * MB, text="under 300 MB"
    )
    return row.model_copy(update={"bounds": [*row.bounds, bound]})


def _h2o(peers: Worker | None, path: Path) -> Peer:
    """A cluster of H2O's that runs while the row does, with the cores it takes by itself."""
    name, asked = "H2O-3 import_file + GLM", times(5)
    if peers is None:
        return Peer(name, None, asked, 6, "its packages could not be installed here")
    try:
        peers.call("benchmarks.peers.h2o_cluster:start")
    except CallFailed as error:
        return Peer(name, None, asked, 6, f"did not start: {str(error).strip().splitlines()[-1]}")
    return peer(name, peers, "benchmarks.peers.h2o_cluster:import_and_fit", path, asked=asked, digits=6)
