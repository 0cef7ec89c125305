"""Adding up the products of sliced blocks in 64-bit integers, block after block, and carrying before they overflow."""

import numpy as np
from flint import fmpz
from numpy.typing import NDArray

from service.solver.entries import AT_ONCE, zeros
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.slices import MOST_SLICES, ROWS, WIDTH, Floats, Integers, Panel, add_products, cut, panels
from service.solver.units import Sums, combined, no_sums

FEWEST_SLICES = 3  # what most doubles need: 65 bits below the column's largest
SPARE_DIGITS = 2  # the highest two digits take the carries: sums of 2**64 rows fit
PANEL_ROWS = 512  # measured: the product runs at full speed, and a panel's slices are 8 MB


class SlicedSums:
    """Exact sums of products of columns whose values lie within some magnitudes of each other; it says which rows do not.

    The alignment (each column's top, the slices each column needs) is chosen on the first block and kept: a row that
    does not fit it is left to the caller, and when more than the tolerated part of a block does not, what has been
    added up is put away and the alignment chosen anew.

    Memory, whatever the width: two panels of slices of 8 MB a block of 2**11 rows, their product of 2 MB, and the sums
    themselves, (2 K + 1) * 8 bytes for each pair of columns; 1,000 columns of 12 slices stay under 250 MB while rows
    are added. Putting the sums away makes integers of them, some 64 bytes an entry.
    """

    def __init__(
        self, n_columns: int, tolerated: float, scratch: Scratch, panel_rows: int = PANEL_ROWS, *, are_whole: bool = False
    ) -> None:
        """Args: are_whole: all values will be whole numbers: small ones are slices as they are, none is cut."""
        self.n_columns = n_columns
        self.tolerated = tolerated
        self.panel_rows = panel_rows
        self.max_slices = FEWEST_SLICES
        self._put_away = no_sums(n_columns)
        self._is_aligned = False
        self._are_whole = are_whole
        self._tops = np.zeros(n_columns, np.intp)  # each column is at most 2**top
        self._ceilings = np.ones(n_columns)  # 2.0**tops
        self._n_slices = np.zeros(n_columns, np.intp)
        self._panels: list[Panel] = []
        self._digits: dict[tuple[int, int], Integers] = {}
        self._scratch = scratch
        self._n_blocks = 0  # since the last carry

    def add(self, block: Floats) -> NDArray[np.bool_]:
        """Add the products of a block, (q, m), m <= 2**16, except for the rows that do not fit; returns which, (m,)."""
        magnitude = np.maximum(block.max(axis=1), -block.min(axis=1))
        most_odd = self.tolerated * block.shape[1]
        is_new = not self._is_aligned
        if is_new:
            self._align(magnitude)
        slices, odd = self._cut(block, magnitude)
        if odd.sum() > most_odd and not is_new:
            self._align(magnitude)
            slices, odd = self._cut(block, magnitude)
        while odd.sum() > most_odd and self.max_slices < MOST_SLICES:
            self._put_sums_away()
            self.max_slices += 1
            slices, odd = self._cut(block, magnitude)
        self._multiply(block, slices, odd)
        return odd

    def take(self) -> Sums:
        """The sums since the last take: base 2, a unit for every column."""
        self._put_sums_away()
        taken, self._put_away = self._put_away, no_sums(self.n_columns)
        return taken

    @property
    def n_slices(self) -> tuple[int, ...]:
        """How many slices each column is given at present."""
        return tuple(self._n_slices.tolist())

    def _align(self, magnitude: Floats) -> None:
        """Choose tops that fit a block whose columns reach `magnitude`; how many slices they need, `_cut` finds out."""
        self._put_sums_away()
        self._is_aligned = True
        self._tops = np.frexp(magnitude)[1].astype(np.intp)
        if self._are_whole:
            np.maximum(self._tops, WIDTH - 1, out=self._tops)  # so that the unit is 1
        self._n_slices[:] = 0
        self._ceilings = np.ldexp(1.0, self._tops)
        self.max_slices = FEWEST_SLICES
        self._share_out()

    def _share_out(self) -> None:
        self._panels = panels(self._n_slices, self._tops, self.panel_rows, are_whole=self._are_whole)

    def _cut(self, block: Floats, magnitude: Floats) -> tuple[Floats | None, NDArray[np.bool_]]:
        """Cut, giving columns more slices as long as they need and may have them.

        Returns: the slices, if there is a single panel; which rows do not fit, (m,).
        """
        odd: NDArray[np.bool_] = np.zeros(block.shape[1], np.bool_)
        above = magnitude > self._ceilings
        if above.any():
            np.any(np.abs(block[above]) > self._ceilings[above, None], axis=0, out=odd)
            block = _without(block, odd)
        while True:
            more: list[int] = []
            unfit = odd.copy()
            for panel in self._panels:
                slices, rest = cut(block, panel, self._scratch, "left")
                left = rest != 0
                if left.any():
                    unfit |= left.any(axis=0)
                    more += panel.columns[left.any(axis=1)].tolist()
            growing = [column for column in more if self._n_slices[column] < self.max_slices]
            if not growing:
                return (slices if len(self._panels) == 1 else None), unfit
            self._put_sums_away()  # they are laid out for the old panels
            self._n_slices[growing] += 1
            self._share_out()

    def _multiply(self, block: Floats, slices: Floats | None, odd: NDArray[np.bool_]) -> None:
        if odd.any():
            if slices is not None:
                slices[:, odd] = 0.0  # never the caller's block: where that is its slices, odd rows made a copy of it
            else:
                block = _without(block, odd)
        # A block adds to a digit at most K sums of at most 2**53, and a carry leaves less than one such behind.
        n_blocks = -(-block.shape[1] // ROWS)
        if self._n_blocks + n_blocks > 1023 // self.max_slices:
            self._carry()
        self._n_blocks += n_blocks
        for i, panel in enumerate(self._panels):
            left = slices if slices is not None else cut(block, panel, self._scratch, "left")[0]
            for j, other in enumerate(self._panels[i:], start=i):
                right = left if j == i else cut(block, other, self._scratch, "right")[0]
                if (i, j) not in self._digits:
                    shape = (2 * self.max_slices - 1 + SPARE_DIGITS, len(panel.columns), len(other.columns))
                    self._digits[i, j] = np.zeros(shape, np.int64)
                add_products(self._digits[i, j][SPARE_DIGITS:], left, right, panel, other)

    def _carry(self) -> None:
        for digits in self._digits.values():
            for place in range(len(digits) - 1, 0, -1):
                carried = (digits[place] + (1 << (WIDTH - 1))) >> WIDTH
                digits[place - 1] += carried
                digits[place] -= carried << WIDTH
        self._n_blocks = 0

    def _put_sums_away(self) -> None:
        if not self._digits:
            return
        self._carry()
        entries = zeros(self.n_columns)
        for (i, j), digits in self._digits.items():
            rows, columns = self._panels[i].columns.tolist(), self._panels[j].columns.tolist()
            step = max(1, AT_ONCE * AT_ONCE // len(columns))
            for start in range(0, len(rows), step):
                some = _whole(digits[:, start : start + step])
                for row, values in zip(rows[start : start + step], some.tolist(), strict=True):
                    for column, value in zip(columns, values, strict=True):
                        if i != j or row <= column:
                            entries[row, column] = entries[column, row] = fmpz(value)
        units = WIDTH - 1 + WIDTH * (self.max_slices - 1) - self._tops
        sums = Sums(tuple(units.tolist()), entries)
        self._put_away = combined(self._put_away, sums, 2)
        self._digits = {}
        self._n_blocks = 0


def _without(block: Floats, odd: NDArray[np.bool_]) -> Floats:
    """The block with zeros for the odd rows; `np.where` takes twice as long."""
    even = block.copy()
    even[:, odd] = 0.0
    return even


def _whole(digits: Integers) -> NDArray[np.object_]:
    """The integers of digits, (an odd number, a, b), the highest first: (a, b)."""
    value: NDArray[np.object_] = digits[0].astype(object)
    for place in range(1, len(digits), 2):
        value = (value << 2 * WIDTH) + ((digits[place] << WIDTH) + digits[place + 1])
    return value
