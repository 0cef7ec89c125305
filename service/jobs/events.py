"""What people watch: a job as server-sent events, encoded in pieces that all its clients share.

10,000 events cost 1.2 s one by one and 0.01 s in pieces of 500, so pieces it is. A client pulls: a slow one holds up
nothing but its own connection.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from service.jobs.runner import Jobs
from service.jobs.state import Job, NoSuchEpoch
from service.registry.errors import NotFound

NOTICE_S = 0.02  # between two looks at a job whose epochs are quick
PIECE = 500  # events encoded at a time
FULL_STREAM = 100_000  # epochs; of more, the first, the last and every n-th are sent
RETRY = b"retry: 2000\n\n"
COMMENT = b": still here\n\n"
END = "end"  # the id of the last event: a client that has seen it needs no more

Describe = Callable[[Job], dict[str, Any]]


def event(name: str, data: object, id_: str | int | None = None) -> bytes:
    """One event."""
    ident = b"" if id_ is None else b"id: %s\n" % str(id_).encode()
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), ident, orjson.dumps(data))


def default_stride(epochs: int) -> int:
    """Every how many epochs are sent unless the client asks for another number."""
    return max(1, -(-epochs // FULL_STREAM))


def state_of(epoch: int, loss: float, theta: NDArray[np.float64]) -> dict[str, Any]:
    """An epoch's state as clients see it. What does not fit a double is null, as JSON has no infinity."""
    return {"epoch": epoch, "loss": loss, "intercept": theta[0], "coef": theta[1:]}


@dataclass(frozen=True, slots=True)
class Stride:
    """Which epochs a stream sends: 0, n, 2 n, … and the last."""

    every: int

    def next_after(self, epoch: int) -> int:
        """The first epoch to send after this one (-1: from the start)."""
        return (epoch // self.every + 1) * self.every

    def piece_end(self, epoch: int) -> int:
        """The last epoch of the piece that this epoch belongs to."""
        span = PIECE * self.every
        return (epoch // span + 1) * span - self.every


class Events:
    """Streams of jobs, over one bounded cache of encoded pieces."""

    def __init__(self, jobs: Jobs, cache_bytes: int, keep_alive_s: float) -> None:
        self._jobs, self._cache_bytes, self._keep_alive_s = jobs, cache_bytes, keep_alive_s
        self._pieces: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    async def follow(
        self, job_id: str, after: int, every: int | None, describe: Describe, ending: Callable[[Job], dict[str, Any]]
    ) -> AsyncIterator[bytes]:
        """The job's events from the epoch after `after` (-1: all), to its end.

        Args: describe: what the `job` and `progress` events say. ending: what the last event says.
        Raises: NotFound, before the first event.
        """
        job = await asyncio.to_thread(self._jobs.get, job_id)
        stride = Stride(every or default_stride(job.task.epochs or 1))
        yield RETRY + event("job", describe(job) | ({"every": stride.every} if job.task.descent is not None else {}))
        sent, rows_read = after, None
        with self._jobs.watch.on(job_id) as waiter:
            while True:
                waiter.look()
                looked_at = time.monotonic()
                try:
                    job = await asyncio.to_thread(self._jobs.get, job_id)
                except NotFound:
                    return  # it was forgotten while it was watched
                async for piece, upto in self._ready(job, stride, sent):
                    yield piece
                    sent = upto
                if job.is_finished:
                    yield event(job.state, await asyncio.to_thread(ending, job), END)
                    return
                if self._jobs.watch.is_over:
                    return  # the client comes back and goes on
                if job.rows_read is not None and job.rows_read != rows_read:
                    rows_read = job.rows_read
                    yield event("progress", dict(zip(("rows_read", "n_rows"), rows_read, strict=True)))
                try:
                    await waiter.wait(self._keep_alive_s)
                    await asyncio.sleep(looked_at + NOTICE_S - time.monotonic())
                except TimeoutError:
                    yield COMMENT

    async def _ready(self, job: Job, stride: Stride, sent: int) -> AsyncIterator[tuple[bytes, int]]:
        """What can be sent now, piece by piece, each with the last epoch in it."""
        if job.task.descent is None or not (job.epoch or job.state == "done"):
            return  # at epoch 0 there may be no state yet, and if the job was stopped there never will be
        try:
            while (first := stride.next_after(sent)) <= job.epoch:
                last = min(stride.piece_end(first), job.epoch)
                last -= (last - first) % stride.every
                yield await asyncio.to_thread(self._encoded, job, stride, first, last), last
                sent = last
            if job.is_finished and sent < job.epoch:
                yield await asyncio.to_thread(self._encode, job, np.array([job.epoch])), job.epoch
        except NoSuchEpoch:
            return  # the job was cancelled or forgotten meanwhile, or the service ends: the next look says which

    def _encoded(self, job: Job, stride: Stride, first: int, last: int) -> bytes:
        """A run of events within one piece; whole pieces are kept for the next client."""
        epochs = np.arange(first, last + 1, stride.every)
        if len(epochs) < PIECE:
            return self._encode(job, epochs)
        key = (job.id, stride.every, first)
        with self._lock:
            piece = self._pieces.get(key)
            if piece is not None:
                self._pieces.move_to_end(key)
                return piece
        piece = self._encode(job, epochs)
        with self._lock:
            if key not in self._pieces:
                self._pieces[key] = piece
                self._n_bytes += len(piece)
            while self._n_bytes > self._cache_bytes:
                self._n_bytes -= len(self._pieces.popitem(last=False)[1])
        return piece

    def _encode(self, job: Job, epochs: NDArray[np.int64]) -> bytes:
        loss, theta = self._jobs.states(job, epochs)
        option = orjson.OPT_SERIALIZE_NUMPY
        states = zip(epochs.tolist(), loss.tolist(), np.ascontiguousarray(theta), strict=True)
        return b"".join(
            b"event: epoch\nid: %d\ndata: %s\n\n" % (epoch, orjson.dumps(state_of(epoch, loss, theta), option=option))
            for epoch, loss, theta in states
        )
