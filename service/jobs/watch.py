"""Telling the event loop that a job has moved on: threads work, coroutines wait."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock


class Waiter:
    """One coroutine that waits. However often the job moves on, its loop is called once until it looks again."""

    def __init__(self) -> None:
        self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        self._is_told = False

    def look(self) -> None:
        """About to look: what changes from now on wakes it."""
        self._is_told = False
        self._event.clear()

    async def wait(self, timeout_s: float) -> None:
        """Until something has changed since the last look. Raises: TimeoutError."""
        async with asyncio.timeout(timeout_s):  # `wait_for` would make a task each time
            await self._event.wait()

    def tell(self) -> None:
        """From any thread."""
        if not self._is_told:
            self._is_told = True
            with suppress(RuntimeError):  # the loop has closed, and the waiter with it
                self._loop.call_soon_threadsafe(self._event.set)


class Watch:
    """Who waits for which job."""

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._lock = Lock()
        self.is_over = False  # the service is about to end: nobody waits any longer

    @contextmanager
    def on(self, job_id: str) -> Iterator[Waiter]:
        """One who waits for the job while the block runs."""
        waiter = Waiter()
        with self._lock:
            self._waiters[job_id].add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters[job_id].discard(waiter)
                if not self._waiters[job_id]:
                    del self._waiters[job_id]

    def changed(self, job_id: str) -> None:
        """Wake those who wait for the job; from any thread."""
        with self._lock:
            waiters = list(self._waiters.get(job_id, ()))
        for waiter in waiters:
            waiter.tell()

    def end(self) -> None:
        """Wake all: the service is about to end, and its jobs will go on after its next start."""
        self.is_over = True
        with self._lock:
            job_ids = list(self._waiters)
        for job_id in job_ids:
            self.changed(job_id)
