"""Rows gathered, column by column and the constant before them, until there are enough to multiply."""

from functools import partial

import numpy as np

from service.solver.slicing.cascade import FEW_ROWS, Cascade
from service.solver.slicing.integers import binary_sums
from service.solver.slicing.scratch import GAP, Scratch
from service.solver.slicing.sliced_sums import PANEL_ROWS
from service.solver.slicing.slices import ROWS, Floats
from service.solver.units import Sums

# Four blocks at once, measured: fewer steps where a second thread waits for the interpreter. Of wide ones, one.
MOST_BLOCKS = 4
MOST_VALUES = 1 << 18  # in a gathering of more than one block: 2 MB


class Gathering:
    """A buffer over a cascade: `next` is where the next rows go, `keep` says how many came."""

    def __init__(self, n_columns: int, scratch: Scratch, panel_rows: int = PANEL_ROWS, *, are_whole: bool = False) -> None:
        """Args: are_whole: all values will be whole numbers."""
        side = 1 + n_columns
        self.most_rows = ROWS * max(1, min(MOST_BLOCKS, MOST_VALUES // (side * ROWS)))
        self._buffer = np.empty((side, self.most_rows + GAP))[:, : self.most_rows]
        self._buffer[0] = 1.0
        self._fill = 0
        self._empty = partial(Cascade, side, scratch, panel_rows, are_whole=are_whole)
        self._cascade: Cascade | None = None  # of few rows never needed, and takes a quarter of their time to make

    @property
    def room(self) -> int:
        return self.most_rows - self._fill

    def next(self, n_rows: int) -> Floats:
        """Where to write the next rows, (q, n_rows), n_rows <= room."""
        return self._buffer[1:, self._fill : self._fill + n_rows]

    def keep(self, n_rows: int) -> None:
        """Count as gathered the first n_rows of what `next` gave."""
        self._fill += n_rows
        if self._fill == self.most_rows:
            self._add_buffer()

    def total(self) -> Sums:
        """The sums of products of [1, *columns] so far, in base 2, a unit for each; more rows may come after."""
        if self._cascade is None and self._fill <= FEW_ROWS:
            return binary_sums(self._buffer[:, : self._fill])
        return self._add_buffer().total()

    def _add_buffer(self) -> Cascade:
        cascade = self._cascade = self._cascade or self._empty()
        if self._fill:
            cascade.add(self._buffer[:, : self._fill])
        self._fill = 0
        return cascade
