"""Feeding rows in pieces of any size: the one builder of moments that is changed in place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.slicing.accumulation import Accumulation
from service.solver.slicing.products import Pairs
from service.solver.slicing.sliced_sums import PANEL_ROWS


class Summation:
    """Adds up pieces of rows of any size; the result depends on the rows alone, not on how they were cut.

    Not for several threads at once: give each its own and add the results. What each holds, whatever the number of
    rows and the spread of values, is bounded by the width: see `SlicedSums`.
    """

    def __init__(self, columns: Sequence[str], numbers: Numbers = "float64", panel_rows: int = PANEL_ROWS) -> None:
        """Of no rows yet. Args: panel_rows: slices multiplied at a time, which bounds the memory they take."""
        self._rows = Accumulation(columns, numbers, Pairs(len(columns), panel_rows))

    @property
    def columns(self) -> tuple[str, ...]:
        return self._rows.columns

    @property
    def numbers(self) -> Numbers:
        return self._rows.numbers

    @property
    def n_samples(self) -> int:
        return self._rows.n_samples

    def add(self, block: NDArray[np.float64]) -> None:
        """Take in rows, (n, q).

        Raises: NotFinite, OutOfRange, TooManyDigits: with the row counted from the first row ever added; the
        summation is of no further use then.
        """
        self._rows.add(block)

    def result(self) -> Moments:
        """The moments of the rows so far; more may be added after."""
        return Moments.from_sums(self._rows.total(), self.columns, self.numbers)
