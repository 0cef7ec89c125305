"""What is kept in memory, up to a size: the least recently used goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by key. Any thread may use it."""

    def __init__(self, capacity: int) -> None:
        """Args: capacity: in the unit of the sizes that `put` is given."""
        self._capacity, self._size = capacity, 0
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Key, value: Value, size: int = 1) -> None:
        """Keep a value, and let go of others until there is room; one larger than all the room is not kept."""
        with self._lock:
            self._drop(key)
            if size > self._capacity:
                return
            self._values[key] = value, size
            self._size += size
            while self._size > self._capacity:
                self._drop(next(iter(self._values)))

    def forget(self, key: Key) -> None:
        """Let go of one, if it is there."""
        with self._lock:
            self._drop(key)

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Let go of the keys that are unwanted."""
        with self._lock:
            for key in [key for key in self._values if unwanted(key)]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        _, size = self._values.pop(key, (None, 0))
        self._size -= size
