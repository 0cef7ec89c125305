"""Rows put aside until there are enough of them to multiply."""

from collections.abc import Iterator

import numpy as np

from service.solver.slicing.slices import ROWS, Floats


class Waiting:
    """Some rows of blocks, column by column, in the order they came."""

    def __init__(self) -> None:
        self._blocks: list[Floats] = []
        self._n_rows = 0

    @property
    def are_enough(self) -> bool:
        return self._n_rows >= ROWS

    def add(self, block: Floats) -> None:
        """Put rows aside, (q, m)."""
        if block.shape[1]:
            self._blocks.append(block)
            self._n_rows += block.shape[1]

    def take(self) -> Iterator[Floats]:
        """All of them, in blocks of up to ROWS; none wait then."""
        if self._blocks:
            rows = np.concatenate(self._blocks, axis=1)
            self._blocks, self._n_rows = [], 0
            yield from (rows[:, start : start + ROWS] for start in range(0, rows.shape[1], ROWS))
