"""A prediction of one row while the service is busy with something else, on all cores of the machine."""

import json
import time
from contextlib import ExitStack
from typing import Any

from benchmarks import calls, data, environments, load, servers
from benchmarks.growth.curves import Beside
from benchmarks.servers import Server
from benchmarks.worker import Worker

SECONDS = 6.0
MOST = 10.0  # times the idle p99
LOADS = "benchmarks.growth.loads"
TINY = json.dumps({"X": [[float(i)] for i in range(10)], "y": [0.5 * i * i for i in range(10)]})

Load = tuple[str, list[Any]]  # a function of `loads`, and its arguments


def side_by_side() -> list[Beside]:
    """Idle first, then beside each load."""
    csv = str(data.csv(500_000, 21))
    with servers.linefit() as server:
        million = calls.upload(server.port, "/datasets", data.arrow(1_000_000, 11), calls.ARROW)["id"]
        wide = calls.upload(server.port, "/datasets", data.arrow(2000, 401), calls.ARROW)["id"]
        small = calls.upload(server.port, "/datasets", data.arrow(1000, 11), calls.ARROW)["id"]
        model = calls.post(server.port, "/fit", {"dataset_id": small, "target": "y"})["id"]
        calls.post(server.port, "/fit", {"dataset_id": wide, "target": "y"}, Prefer="wait=60")  # its sums are made once
        asked = json.dumps({"model_id": model, "X": [data.matrix(1, 11)[0, :10].tolist()]})
        upload = ("uploads", [csv])
        loads: list[tuple[str, list[Load], float | None]] = [
            ("nothing", [], None),
            (
                "uploads of a CSV of 206 MB, and mini-batch descents over 1,000,000 x 10",
                [upload, ("minibatch_descents", [million])],
                MOST,
            ),
            (
                "the same uploads, and descents of 100,000 epochs, all events read",
                [upload, ("batch_descents", [million])],
                MOST,
            ),
            ("fits of 400 columns", [("fits", [wide])], None),
            ("tiny fits on 16 connections, as many as it can", [("requests", ["/fit", TINY])], None),
        ]
        return [_beside(server, asked, *one) for one in loads]


def _beside(server: Server, asked: str, called: str, loads: list[Load], most: float | None) -> Beside:
    with ExitStack() as held:
        probe, *workers = (held.enter_context(Worker(environments.OURS)) for _ in range(1 + len(loads)))
        probe.call(f"{LOADS}:probe", server.port, "/predict", asked, 0.5)
        for worker, (function, arguments) in zip(workers, loads, strict=True):
            worker.start(f"{LOADS}:{function}", server.port, *arguments, SECONDS + 1.0)
        time.sleep(0.5)
        latencies = probe.call(f"{LOADS}:probe", server.port, "/predict", asked, SECONDS)
        for worker in workers:
            assert worker.result() > 0
    p50, p99 = load.percentile(latencies, 0.5), load.percentile(latencies, 0.99)
    return Beside(load=called, p50=p50, p99=p99, n=len(latencies), most_ratio=most)
