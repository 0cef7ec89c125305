"""Turns: what changes one data set is done one after the other, and never waits for what changes another."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from service.registry.errors import DatasetBusy


class _Turn:
    """A lock, and how many have it or wait for it."""

    __slots__ = ("__weakref__", "lock", "n_asked")

    def __init__(self) -> None:
        self.lock, self.n_asked = threading.Lock(), 0


class Turns:
    """A lock for each name, for as long as somebody has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: weakref.WeakValueDictionary[str, _Turn] = weakref.WeakValueDictionary()

    @contextmanager
    def of(self, name: str, most_waiting: int | None = None) -> Iterator[None]:
        """Wait for those before, and have the turn until the block ends. Raises: DatasetBusy: too many wait already."""
        with self._lock:
            turn = self._turns.setdefault(name, _Turn())
            if most_waiting is not None and turn.n_asked > most_waiting:
                raise DatasetBusy(name)
            turn.n_asked += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.n_asked -= 1
