"""Rows gathered until there are enough to multiply, and each then sent the fastest way that it fits."""

from contextlib import suppress

import numpy as np

from service.solver.slicing.cascade import FEW_ROWS
from service.solver.slicing.integers import binary
from service.solver.slicing.monomials import Plan
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.slices import ROWS, Floats
from service.solver.slicing.term_blocks import TermBlocks
from service.solver.slicing.term_integers import term_sums
from service.solver.slicing.term_limits import MOST_SLICES, TooLongProducts
from service.solver.slicing.waiting import Waiting
from service.solver.units import Sums, combined, no_sums


class TermGathering:
    """As `Gathering` over a `Cascade`, of monomials: windows that most rows fit; wider ones for the others; integers."""

    most_rows = ROWS

    def __init__(self, plan: Plan, scratch: Scratch) -> None:
        self._plan = plan
        self._buffer = np.empty((plan.n_columns, ROWS))
        self._fill = 0
        self._common = TermBlocks(plan, scratch, tolerated=1 / 16, most_odd=1 / 8)
        self._odd = TermBlocks(plan, scratch, tolerated=0, most_odd=0)
        self._waiting = Waiting()
        self._total = no_sums(plan.n_factors)

    @property
    def room(self) -> int:
        return ROWS - self._fill

    def next(self, n_rows: int) -> Floats:
        """Where to write the next rows, (c, n_rows), n_rows <= room."""
        return self._buffer[:, self._fill : self._fill + n_rows]

    def keep(self, n_rows: int) -> None:
        """Count as gathered the first n_rows of what `next` gave. Raises: TooLongProducts: as `TermBlocks`."""
        self._fill += n_rows
        if self._fill == ROWS:
            self._add_buffer()

    def total(self) -> Sums:
        """The sums so far, base 2; more rows may come after. Raises: TooLongProducts: as `TermBlocks`."""
        self._add_buffer()
        self._add_waiting()
        self._put(self._common.take())
        self._put(self._odd.take())
        return self._total

    def _add_buffer(self) -> None:
        block, self._fill = self._buffer[:, : self._fill], 0
        if block.shape[1] <= FEW_ROWS:
            self._add_few(block)
            return
        odd = self._common.add(block)
        if odd.any():
            self._waiting.add(block[:, odd])
            if self._waiting.are_enough:
                self._add_waiting()

    def _add_waiting(self) -> None:
        for block in self._waiting.take():
            left = block
            if block.shape[1] > FEW_ROWS:
                with suppress(TooLongProducts):  # values too far apart for any windows: slower, but they have their sums
                    left = block[:, self._odd.add(block)]
            self._add_integers(left)

    def _add_few(self, block: Floats) -> None:
        """Add rows by integers. Raises: TooLongProducts: more rows like these would be too long for slices."""
        if block.shape[1] == 0:
            return
        integers, units = binary(block)
        try:
            sums = term_sums(self._plan, integers, units, MOST_SLICES)
        except TooLongProducts:
            # As where there are many rows: what most of them need counts, and a few may need more.
            if not self._common.n_slices:
                self._common.require_short(block)
            sums = term_sums(self._plan, integers, units)
        self._put(sums)

    def _add_integers(self, block: Floats) -> None:
        if block.shape[1]:
            self._put(term_sums(self._plan, *binary(block)))

    def _put(self, sums: Sums) -> None:
        self._total = combined(self._total, sums, 2)
