"""Time against rows, from 10,000 to 100,000,000, generated batch by batch: they are never in memory at once."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import numpy as np
import pyarrow as pa

from benchmarks import calls, data, servers
from benchmarks.growth.curves import Curve
from benchmarks.lab import ours
from benchmarks.ours import fit_of_blocks

SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
COLUMNS, BLOCK_ROWS = 3, 10_000


def rows_solver() -> Curve:
    """Moments and fit of batches."""
    with ours() as worker:
        worker.call("benchmarks.growth.in_rows:summed", SIZES[0])
        points = [(float(n), float(worker.call("benchmarks.growth.in_rows:summed", n))) for n in SIZES]
    return Curve(
        name="rows_solver",
        against="rows",
        work="moments and fit of 2 features, solver alone",
        points=points,
        theory=1,
        why="each row once",
    )


def rows_upload() -> Curve:
    """The same over HTTP, stored."""
    with servers.linefit() as server:
        _upload(server.port, SIZES[0])
        points = [(float(n), _upload(server.port, n)) for n in SIZES]
    return Curve(
        name="rows_upload",
        against="rows",
        work="Arrow upload of 3 columns and fit, stored",
        points=points,
        theory=1,
        why="each row once",
    )


def summed(n: int) -> float:
    """Seconds. Called in a process of its own."""
    started = time.perf_counter()
    fit_of_blocks(_block() for _ in range(n // BLOCK_ROWS))
    return time.perf_counter() - started


_MADE = data.matrix(BLOCK_ROWS, COLUMNS)


def _block() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asfortranarray(_MADE)


def _upload(port: int, n: int) -> float:
    batch = pa.record_batch([pa.array(column) for column in _MADE.T], names=data.names(COLUMNS))
    body = _stream(batch, n // BLOCK_ROWS)
    started = time.perf_counter()
    with closing(HTTPConnection("127.0.0.1", port, timeout=calls.TIMEOUT_S)) as connection:
        connection.request(
            "POST", "/datasets", body, {"Content-Type": calls.ARROW, "Transfer-Encoding": "chunked"}, encode_chunked=True
        )
        made = json.loads(calls.answered(connection))
    calls.post(port, "/fit", {"dataset_id": made["id"], "target": "y"})
    return time.perf_counter() - started


def _stream(batch: pa.RecordBatch, n: int) -> Iterator[bytes]:
    """An Arrow stream of the same batch n times; its bytes are made once."""
    yield batch.schema.serialize().to_pybytes()
    message = batch.serialize().to_pybytes()
    for _ in range(n):
        yield message
    yield b"\xff\xff\xff\xff\x00\x00\x00\x00"  # the end of a stream
