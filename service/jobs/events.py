"""What people watch: a job as server-sent events. A client pulls: a slow one holds up nothing but its own connection."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson

from service.jobs.pieces import Cut, Pieces
from service.jobs.runner import Jobs
from service.jobs.state import Job, NoSuchEpoch
from service.registry.errors import NotFound

# Between two looks at a job whose epochs are quick, at the same moments for all clients, so that they are sent the same pieces.
NOTICE_S = 0.02
FULL_STREAM = 100_000  # epochs; of more, the first, the last and every n-th are sent
RETRY = b"retry: 2000\n\n"
COMMENT = b": still here\n\n"
END = "end"  # the id of the last event: a client that has seen it needs no more

Describe = Callable[[Job], dict[str, Any]]


def event(name: str, data: object, id_: str | None = None) -> bytes:
    """One event."""
    ident = b"" if id_ is None else b"id: %s\n" % id_.encode()
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), ident, orjson.dumps(data))


def default_stride(epochs: int) -> int:
    """Every how many epochs are sent unless the client asks for another number."""
    return max(1, -(-epochs // FULL_STREAM))


class Events:
    """Streams of jobs, over one bounded cache of encoded pieces."""

    def __init__(self, jobs: Jobs, cache_bytes: int, keep_alive_s: float) -> None:
        self._jobs, self._keep_alive_s = jobs, keep_alive_s
        self._pieces = Pieces(jobs.states, cache_bytes)

    async def follow(
        self, job: Job, after: int, every: int | None, describe: Describe, ending: Callable[[Job], dict[str, Any]]
    ) -> AsyncIterator[bytes]:
        """The job's events from the epoch after `after` (-1: all), to its end.

        Args: describe: what the `job` and `progress` events say. ending: what the last event says.
        """
        cut = Cut.of(job.task, every or default_stride(job.task.epochs or 1))
        yield RETRY + event("job", describe(job) | ({"every": cut.every} if job.task.descent is not None else {}))
        sent, rows_read = after, None
        with self._jobs.watch.on(job.id) as waiter:
            while True:
                waiter.look()
                try:
                    job = await self._look(job.id)
                except NotFound:
                    return  # it was forgotten while it was watched
                async for piece, upto in self._ready(job, cut, sent):
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
                    await asyncio.sleep(-time.monotonic() % NOTICE_S)
                except TimeoutError:
                    yield COMMENT

    async def _look(self, job_id: str) -> Job:
        """Raises: NotFound."""
        # What is under way is known without the store: a hop to a thread for each of 200 clients took 10 ms a look.
        job = self._jobs.known(job_id)
        return job if job is not None else await asyncio.to_thread(self._jobs.get, job_id)

    async def _ready(self, job: Job, cut: Cut, sent: int) -> AsyncIterator[tuple[bytes, int]]:
        """What can be sent now, piece by piece, each with the last epoch in it."""
        if job.task.descent is None or not (job.epoch or job.state == "done"):
            return  # at epoch 0 there may be no state yet, and if the job was stopped there never will be
        try:
            while (first := cut.next_after(sent)) <= job.epoch:
                epochs = cut.piece(first, job.epoch)
                sent = epochs[-1]
                yield await self._pieces.of(job, epochs, keep=job.is_finished or len(epochs) == cut.n_events), sent
            if job.is_finished and sent < job.epoch:
                yield await self._pieces.of(job, range(job.epoch, job.epoch + 1), keep=True), job.epoch
        except NoSuchEpoch:
            return  # the job was cancelled or forgotten meanwhile, or the service ends: the next look says which
