"""What goes on meanwhile, each in a process of its own: over and over until the time is over; how often, it gives."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import calls, load, streams

INTERVAL_S = 0.005  # between two predictions of the probe


def uploads(port: int, path: str, seconds: float) -> int:
    """A CSV."""
    return _repeated(lambda: calls.upload(port, "/datasets", Path(path), calls.CSV), seconds)


def minibatch_descents(port: int, dataset: str, seconds: float) -> int:
    """Ten epochs each."""
    body = {
        "dataset_id": dataset,
        "target": "y",
        "method": "gradient_descent",
        "batch_size": 256,
        "epochs": 10,
        "random_state": 0,
    }
    return _repeated(lambda: calls.post(port, "/fit", body, Prefer="wait=60"), seconds)


def batch_descents(port: int, dataset: str, seconds: float) -> int:
    """100,000 epochs each, all events read."""
    body = {"dataset_id": dataset, "target": "y", "method": "gradient_descent", "epochs": 100_000}
    return _repeated(lambda: streams.read(port, "/fit", body), seconds)


def fits(port: int, dataset: str, seconds: float) -> int:
    """By the normal equation, each to its end."""
    return _repeated(lambda: calls.post(port, "/fit", {"dataset_id": dataset, "target": "y"}, Prefer="wait=60"), seconds)


def requests(port: int, path: str, body: str, seconds: float) -> int:
    """On 16 connections."""
    return len(load.per_second(port, load.request(path, body.encode()), seconds)[2])


def probe(port: int, path: str, body: str, seconds: float) -> list[float]:
    """How long each of a series of requests took, one at a time with a pause between, sorted."""
    return sorted(asyncio.run(_probe(port, load.request(path, body.encode()), seconds)))


async def _probe(port: int, sent: bytes, seconds: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies, end = [], time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        writer.write(sent)
        answer = await reader.read(1 << 16)
        while not load.is_whole(answer):
            answer += await reader.read(1 << 16)
        latencies.append(time.perf_counter() - started)
        await asyncio.sleep(INTERVAL_S)
    writer.close()
    return latencies


def _repeated(work: Callable[[], object], seconds: float) -> int:
    n, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        work()
        n += 1
    return n
