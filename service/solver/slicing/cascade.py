"""Exact sums of products of doubles of any magnitudes: each row goes the fastest way that it fits."""

from service.solver.slicing.integers import binary_sums
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.sliced_sums import PANEL_ROWS, SlicedSums
from service.solver.slicing.slices import Floats
from service.solver.slicing.waiting import Waiting
from service.solver.units import Sums, combined, no_sums

# Up to here Python's integers cost no more than what slices cost whatever the number of rows.
FEW_ROWS = 200


class Cascade:
    """Three ways, each for what the one before leaves: few slices; as many as the rows need; Python's integers.

    About 1% of rows of doubles take the second. The third is slow but knows no limit: 1e150 beside 1e-150 is a sum of
    some 2,000 bits.
    """

    def __init__(self, n_columns: int, scratch: Scratch, panel_rows: int = PANEL_ROWS, *, are_whole: bool = False) -> None:
        """Args: are_whole: all values will be whole numbers."""
        self._common = SlicedSums(n_columns, tolerated=1 / 8, scratch=scratch, panel_rows=panel_rows, are_whole=are_whole)
        self._odd = SlicedSums(n_columns, tolerated=0, scratch=scratch, panel_rows=panel_rows)
        self._waiting = Waiting()
        self._total = no_sums(n_columns)

    def add(self, block: Floats) -> None:
        """Add the products of all pairs of columns of a block, (q, m), m <= 2**16."""
        if block.shape[1] <= FEW_ROWS:
            self._put(binary_sums(block))
            return
        odd = self._common.add(block)
        if odd.any():
            self._waiting.add(block[:, odd])
            if self._waiting.are_enough:
                self._add_waiting()

    def total(self) -> Sums:
        """The sums of all blocks so far, in base 2 with a unit for every column."""
        self._add_waiting()
        self._put(self._common.take())
        self._put(self._odd.take())
        return self._total

    def _add_waiting(self) -> None:
        for block in self._waiting.take():
            if block.shape[1] <= FEW_ROWS:
                self._put(binary_sums(block))
                continue
            odd = self._odd.add(block)
            if odd.any():
                self._put(binary_sums(block[:, odd]))

    def _put(self, sums: Sums) -> None:
        self._total = combined(self._total, sums, 2)
