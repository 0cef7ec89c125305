"""Memory used again: a fresh array of a megabyte costs ten times as much in page faults as the sums written to it."""

import numpy as np
from numpy.typing import NDArray


class Scratch:
    """Arrays by name, each kept for the next call; what an array held is gone when its name is asked for again."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.float64]] = {}
        self._flags = np.empty(0, np.bool_)

    def floats(self, name: str, rows: int, columns: int) -> NDArray[np.float64]:
        size = rows * columns
        kept = self._kept.get(name)
        if kept is None or kept.size < size:
            kept = self._kept[name] = np.empty(size)
        return kept[:size].reshape(rows, columns)

    def flags(self, rows: int, columns: int) -> NDArray[np.bool_]:
        size = rows * columns
        if self._flags.size < size:
            self._flags = np.empty(size, np.bool_)
        return self._flags[:size].reshape(rows, columns)
