"""Time against clients, from 1 to 64, each with one prediction under way at a time; the server has one core."""

import json

from benchmarks import calls, load, servers
from benchmarks.growth.curves import Curve
from benchmarks.growth.side_by_side import TINY
from benchmarks.servers import SERVER_CORE

SIZES = (1, 4, 16, 64)
SECONDS = 2.0


def clients() -> list[Curve]:
    """What a prediction takes the service, and how long the slowest wait."""
    each, waits = [], []
    with load.on_the_clients_core(), servers.linefit(SERVER_CORE) as server:
        model = calls.post(server.port, "/fit", json.loads(TINY))["id"]
        sent = load.request("/predict", json.dumps({"model_id": model, "X": [[0.5]]}).encode())
        load.per_second(server.port, sent, SECONDS)
        for n in SIZES:
            rate, _, latencies = load.per_second(server.port, sent, SECONDS, n)
            each.append((float(n), 1 / rate))
            waits.append((float(n), load.percentile(latencies, 0.99)))
    return [
        Curve(name="clients_each", against="clients", work="one-row predictions: time between two answers", points=each, theory=0, why="the work is the same"),
        Curve(name="clients_wait", against="clients", work="p99 of a client's wait", points=waits, theory=1, why="each waits for all others"),
    ]  # fmt: skip
