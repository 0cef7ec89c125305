"""Sums of the rows of each group, exact: in fixed point, so that no order of the rows changes a bit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from service.solver.double_double import Floats
from service.solver.errors import TooManyClusters

MOST_GROUPS = 1 << 18
MOST_CELLS = 1 << 23  # groups x columns: 128 MB
_BITS = 60  # of a sum in the first, coarse, units; an int64 has 63
_AT_ONCE = 4096  # groups


class GroupSums:
    """Sums (G, c) of rows whose values, in each column, add up to at most `most` in magnitude.

    A value is a whole number of coarse units and, of the rest, a whole number of fine ones; both are exact in int64.
    """

    def __init__(self, n_columns: int, most: float, n_rows: int) -> None:
        """Args: n_rows: at most so many rows will come."""
        self._coarse = int(np.frexp(most)[1]) - _BITS  # exponents of 2
        self._fine = self._coarse - _BITS + n_rows.bit_length()  # a rest is at most half a coarse unit
        self.n_groups = 0
        self._limit = min(MOST_GROUPS, MOST_CELLS // max(1, n_columns))
        self._sums = np.zeros((2, 0, n_columns), np.int64)

    def add(self, rows: Floats, groups: NDArray[np.int64]) -> None:
        """Rows (m, c) of groups that are counted from 0 as they appear. Raises: TooManyClusters."""
        if not len(rows):
            return
        self._make_room(1 + int(groups.max()))
        units = np.ldexp(rows, -self._coarse)
        whole = np.rint(units)
        rest = np.rint(np.ldexp(units - whole, self._coarse - self._fine))
        order = np.argsort(groups, kind="stable")
        starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
        for sums, part in zip(self._sums, (whole, rest), strict=True):
            sums[groups[order][starts]] += np.add.reduceat(part[order].astype(np.int64), starts, axis=0)

    def sums(self) -> Iterator[Floats]:
        """Some groups at a time, in the order in which they appeared."""
        for start in range(0, self.n_groups, _AT_ONCE):
            coarse, fine = self._sums[:, start : min(start + _AT_ONCE, self.n_groups)].astype(np.float64)
            yield np.ldexp(coarse, self._coarse) + np.ldexp(fine, self._fine)

    def _make_room(self, n_groups: int) -> None:
        if n_groups > self._limit:
            raise TooManyClusters(self._limit)
        self.n_groups = max(self.n_groups, n_groups)
        room = self._sums.shape[1]
        if n_groups > room:
            wider = np.zeros((2, min(self._limit, max(n_groups, 2 * room)), self._sums.shape[2]), np.int64)
            wider[:, :room] = self._sums
            self._sums = wider
