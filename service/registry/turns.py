"""Turns: what changes one data set is done one after the other, and never waits for what changes another."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock for each name, for as long as somebody has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait for those before, and have the turn until the block ends."""
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            yield
