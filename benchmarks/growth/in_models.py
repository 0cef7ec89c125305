"""Time against models in the registry, from 1 to 100,000: of a fit, a prediction, a list, and the start."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import calls, load, servers
from benchmarks.growth.curves import Curve
from benchmarks.growth.side_by_side import TINY
from benchmarks.servers import Server

SIZES = (1, 100, 1_000, 10_000, 100_000)
REPEATED = 31


def models() -> list[Curve]:
    """Tiny fits fill the registry; at each size the service is started anew and asked."""
    points: dict[str, list[tuple[float, float]]] = {"fit": [], "predict": [], "list": [], "start": []}
    with tempfile.TemporaryDirectory(prefix="linefit-bench-") as folder:
        n = 0
        for size in SIZES:
            with servers.linefit(folder=Path(folder, "data")) as server:
                n += _filled(server, size - n)
            with servers.linefit(folder=Path(folder, "data")) as server:
                points["start"].append((float(size), server.start_s))
                n += _measured(server, float(size), points)
    told = {
        "fit": "an inline fit, stored",
        "predict": "a prediction of one row",
        "list": "the newest 50 models",
        "start": "from the command to the first answer",
    }
    return [
        Curve(name=f"models_{name}", against="models in the registry", work=told[name], points=found, theory=0, why="an index finds it")
        for name, found in points.items()
    ]  # fmt: skip


def _filled(server: Server, n: int) -> int:
    """Fit until there are n more, or a few beyond."""
    made = 0
    while made < n:
        if n - made > 2000:
            made += len(load.per_second(server.port, load.request("/fit", TINY.encode()), 0.5)[2])
        else:
            calls.send(server.port, "/fit", TINY.encode(), calls.JSON)
            made += 1
    return made


def _measured(server: Server, size: float, points: dict[str, list[tuple[float, float]]]) -> int:
    tiny = TINY.encode()
    model = json.loads(calls.send(server.port, "/fit", tiny, calls.JSON))["id"]
    asked = json.dumps({"model_id": model, "X": [[0.5]]}).encode()
    work: dict[str, Callable[[], object]] = {
        "fit": lambda: calls.send(server.port, "/fit", tiny, calls.JSON),
        "predict": lambda: calls.send(server.port, "/predict", asked, calls.JSON),
        "list": lambda: calls.get(server.port, "/models"),
    }
    for name, call in work.items():
        call()
        points[name].append((size, statistics.median(_timed(call) for _ in range(REPEATED))))
    return 2 + REPEATED


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
