"""Feeding rows in pieces of any size: the one builder of moments that is changed in place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.solver.moments import Moments
from service.solver.reading import Numbers

BLOCK = 2048


class Summation:
    """Adds up pieces of rows of any size; the result depends on the rows alone, not on how they were cut.

    Not for several threads at once: give each its own and add the results.
    """

    def __init__(self, columns: Sequence[str], numbers: Numbers = "float64") -> None:
        self.columns = tuple(columns)
        self.numbers = numbers
        self.n_samples = 0
        self._moments = Moments.empty(columns, numbers)

    def add(self, block: NDArray[np.float64]) -> None:
        """Take in rows, (n, q).

        Raises: NotFinite, OutOfRange, TooManyDigits: with the row counted from the first row ever added; the
        summation is of no further use then.
        """
        for start in range(0, len(block), BLOCK):
            piece = block[start : start + BLOCK]
            self._moments += Moments.of(piece, self.columns, self.numbers, self.n_samples)
            self.n_samples += len(piece)

    def result(self) -> Moments:
        """The moments of the rows so far; more may be added after."""
        return self._moments
