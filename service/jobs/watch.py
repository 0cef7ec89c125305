"""Telling the event loop that a job has moved on: threads work, coroutines wait."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class Watch:
    """Who waits for which job."""

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._lock = Lock()
        self.is_over = False  # the service is about to end: nobody waits any longer

    @contextmanager
    def on(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change while the block runs; the waiter clears it before it looks."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiters[job_id].add(waiter)
        try:
            yield waiter[1]
        finally:
            with self._lock:
                self._waiters[job_id].discard(waiter)
                if not self._waiters[job_id]:
                    del self._waiters[job_id]

    def changed(self, job_id: str) -> None:
        """Wake those who wait for the job; from any thread."""
        with self._lock:
            waiters = list(self._waiters.get(job_id, ()))
        for loop, event in waiters:
            with suppress(RuntimeError):  # that loop has closed, and its waiters with it
                loop.call_soon_threadsafe(event.set)

    def end(self) -> None:
        """Wake all: the service is about to end, and its jobs will go on after its next start."""
        self.is_over = True
        with self._lock:
            job_ids = list(self._waiters)
        for job_id in job_ids:
            self.changed(job_id)
