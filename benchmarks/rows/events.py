"""Epoch events of a descent: to one client, and to many at once."""

from contextlib import ExitStack

from benchmarks import calls, data, environments, memory, servers, streams
from benchmarks.environments import Unavailable
from benchmarks.figures import Bound, Row
from benchmarks.measure import Peer, Sample, compete
from benchmarks.servers import Server

EPOCHS = 300_000
FEW = 20_000  # events of the slow peer
CLIENTS, SHARED = 200, 100_000  # clients of one job, and its epochs
FILLING = 8  # jobs that fill what the service keeps of encoded events, so that what is more is the clients'
LONGER, FLAT = 4, 16  # times as many epochs, and the MB that they may add
MB = 1_000_000


def events_p1() -> Row:
    """One feature: events of some 110 bytes."""
    return _to_one_client("events_p1", 1, 300_000)


def events_p10() -> Row:
    """Ten features: events of some 300 bytes."""
    return _to_one_client("events_p10", 10, 200_000)


def _to_one_client(name: str, p: int, asked: int) -> Row:
    """Each run streams another job, so that nothing is encoded before it begins."""
    with ExitStack() as held:
        server = held.enter_context(servers.linefit())
        dataset = _dataset(server, p)

        def stream() -> Sample:
            job = _descended(server, dataset, EPOCHS)
            found = streams.read(server.port, f"/jobs/{job}/events?every=1")
            assert found.n_epochs == EPOCHS + 1
            return found.n_epochs / found.seconds, ()

        row = compete(name, f"epoch events to one client, p = {p}, of {EPOCHS:,}", "/s", stream, [_fastapi(held, p)])
    bound = Bound(what="events", value=row.value, unit="/s", limit=asked, text=f"at least {asked:,}/s")
    return row.model_copy(update={"bounds": [bound]})


def events_to_many() -> Row:
    """All clients follow one job: what one of them needs is encoded once, and memory does not grow with what is sent."""
    with servers.linefit() as server:
        dataset = _dataset(server, 1)
        for _ in range(FILLING):
            single = streams.read(server.port, f"/jobs/{_descended(server, dataset, SHARED)}/events?every=1")

        def stream(epochs: int = SHARED) -> Sample:
            job = _descended(server, dataset, epochs)
            seconds, got = streams.read_by_many(server.port, f"/jobs/{job}/events?every=1", CLIENTS)
            assert min(got) == max(got) >= epochs / SHARED * (single.n_bytes - 1000), (min(got), max(got), single.n_bytes)
            return CLIENTS * epochs / seconds, ()

        row = compete("events_to_many", f"{CLIENTS} clients on one job of {SHARED:,} epochs, events in all", "/s", stream, [])
        peaks = []
        for epochs in (SHARED, LONGER * SHARED):
            memory.forget_peak(server.pid)
            stream(epochs)
            peaks.append(memory.peak(server.pid))
    encoded_once = Bound(
        what="events beside those of a single client", value=row.value, unit="/s",
        limit=2 * single.n_epochs / single.seconds, text="encoded once: more than twice as many",
    )  # fmt: skip
    flat = Bound(
        what=f"memory of the server for {CLIENTS} clients of {LONGER} times the epochs, above that for these", value=max(0, peaks[1] - peaks[0]),
        unit="B", limit=FLAT * MB, text=f"flat: under {FLAT} MB",
    )  # fmt: skip
    return row.model_copy(update={"bounds": [encoded_once, flat]})


def _dataset(server: Server, p: int) -> str:
    return str(calls.upload(server.port, "/datasets", data.arrow(1000, p + 1), calls.ARROW)["id"])


def _descended(server: Server, dataset: str, epochs: int) -> str:
    """The id of a job that has reached its end."""
    body = {"dataset_id": dataset, "target": "y", "method": "gradient_descent", "epochs": epochs, "learning_rate": 1e-4}
    return str(calls.post(server.port, "/fit", body, Prefer="wait=60")["job_id"])


def _fastapi(held: ExitStack, p: int) -> Peer:
    name = "fastapi.sse"
    try:
        server = held.enter_context(servers.uvicorn(environments.libraries(), "benchmarks.peers.apps:fastapi"))
    except Unavailable as error:
        return Peer(name, None, note=str(error))

    def stream() -> Sample:
        found = streams.read(server.port, f"/events?n={FEW}&p={p}")
        assert found.n_epochs == FEW, found
        return found.n_epochs / found.seconds, ()

    return Peer(name, stream)
