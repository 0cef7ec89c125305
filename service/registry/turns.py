"""Turns: what is done to one thing is done one after the other, and never waits for what is done to another."""

import threading
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from service.registry.errors import DatasetBusy

WAIT_S = 0.2  # between two calls of `while_waiting`


class _Turn:
    """A lock, and how many have it or wait for it."""

    __slots__ = ("__weakref__", "lock", "n_asked")

    def __init__(self) -> None:
        self.lock, self.n_asked = threading.Lock(), 0


class Turns:
    """A lock for each name, for as long as somebody has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: weakref.WeakValueDictionary[Hashable, _Turn] = weakref.WeakValueDictionary()

    @contextmanager
    def of(
        self, name: Hashable, most_waiting: int | None = None, while_waiting: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Wait for those before, and have the turn until the block ends.

        Args: while_waiting: called a few times a second; may raise to wait no longer.
        Raises: DatasetBusy: more than `most_waiting` wait already; what `while_waiting` raises.
        """
        with self._lock:
            turn = self._turns.setdefault(name, _Turn())
            if most_waiting is not None and turn.n_asked > most_waiting:
                raise DatasetBusy(str(name))
            turn.n_asked += 1
        try:
            while not turn.lock.acquire(timeout=WAIT_S):
                while_waiting()
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._lock:
                turn.n_asked -= 1
