"""Exact sums of products of monomials: digits multiplied row by row, then by the ordinary matrix product."""

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.slicing.digits import multiply, split, whole
from service.solver.slicing.monomials import Plan
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.slices import Floats, Integers
from service.solver.slicing.term_layout import Layout
from service.solver.slicing.term_limits import MOST_SLICES, TooLongProducts
from service.solver.slicing.windows import Windows, windows
from service.solver.units import Sums, combined, no_sums

MOST_BLOCKS = 1023  # sums of at most 2**53 each, added up in 64 bits


class TermBlocks:
    """The sums of left * right over rows whose values lie within the same windows of bits; it says which rows do not.

    The windows are chosen on the first block and kept. When more than the part `most_odd` of a block lies outside, what
    has been added up is put away and they are widened.
    """

    def __init__(self, plan: Plan, scratch: Scratch, tolerated: float, most_odd: float) -> None:
        self.plan = plan
        self.tolerated = tolerated
        self.most_odd = most_odd
        self._scratch = scratch
        self._layout: Layout | None = None
        self._ceilings = np.zeros((plan.n_columns, 1))
        self._totals: list[Integers] = []  # of each panel of left factors, with all right ones from its first on
        self._n_blocks = 0
        self._put_away = no_sums(plan.n_factors)

    @property
    def n_slices(self) -> int:
        """How many slices all factors have at present."""
        return self._layout.n_slices if self._layout else 0

    def add(self, block: Floats) -> NDArray[np.bool_]:
        """Add the products of a block, (c, m), m <= 2**11, except for the rows that do not fit; returns which, (m,).

        Raises: TooLongProducts: the windows in which the block fits need more than MOST_SLICES slices.
        """
        layout = self._layout or self._lay_out(windows(block, self.tolerated))
        odd = self._split(block, layout)
        if odd.sum() > self.most_odd * block.shape[1]:
            layout = self._lay_out(windows(block, self.tolerated))
            odd = self._split(block, layout)
        if odd.any():
            even = block[:, ~odd]
            if even.shape[1]:
                self._split(even, layout)
                self._multiply(even.shape[1], layout)
        else:
            self._multiply(block.shape[1], layout)
        return odd

    def require_short(self, block: Floats) -> None:
        """See whether products of rows like those of the block, (c, m), can be added. Raises: TooLongProducts: as `add`."""
        self._alone(windows(block, self.tolerated))

    def take(self) -> Sums:
        """The sums since the last take: base 2, a unit for every factor and one for the weights."""
        self._put_sums_away()
        taken, self._put_away = self._put_away, no_sums(self.plan.n_factors)
        return taken

    def _lay_out(self, needed: Windows) -> Layout:
        layout = Layout.of(self.plan, self._layout.windows.joined(needed) if self._layout else needed)
        if layout.n_slices > MOST_SLICES:
            layout = self._alone(needed)
        if self._layout and layout.windows == self._layout.windows:
            return self._layout
        self._put_sums_away()
        self._layout = layout
        self._ceilings = np.ldexp(1.0, layout.windows.high)[:, None]
        return layout

    def _alone(self, needed: Windows) -> Layout:
        layout = Layout.of(self.plan, needed)
        if layout.n_slices > MOST_SLICES:
            raise TooLongProducts(layout.longest, layout.n_slices)
        return layout

    def _split(self, block: Floats, layout: Layout) -> NDArray[np.bool_]:
        """Write the digits of the columns; returns which rows do not fit, (m,)."""
        n = block.shape[1]
        odd: NDArray[np.bool_] = np.zeros(n, np.bool_)
        above = np.maximum(block.max(axis=1), -block.min(axis=1)) > self._ceilings[:, 0]
        if above.any():
            np.any(np.abs(block[above]) > self._ceilings[above], axis=0, out=odd)
            block = np.where(odd, 0.0, block)
        digits = self._digits(layout, n)
        rest = self._scratch.floats("rest", 1, n)[0]
        for place, column in self.plan.singles:
            rows = digits[layout.offsets[place] : layout.offsets[place + 1]]
            unfit = split(block[column], -layout.windows.low[column], rows, rest)
            if unfit is not None:
                odd |= unfit
        return odd

    def _digits(self, layout: Layout, n: int) -> Floats:
        return self._scratch.floats("digits", layout.height, n)

    def _multiply(self, n: int, layout: Layout) -> None:
        """Add the products of n rows, of which the columns' digits are written."""
        digits, at = self._digits(layout, n), layout.offsets
        digits[0] = 1.0
        part = self._scratch.floats("part", layout.most_digits, n)
        for step in self.plan.steps:
            shorter, single, product = (
                digits[at[place] : at[place + 1]] for place in (step.shorter, step.single, step.result)
            )
            multiply(shorter, single, product, part)
        left, end = self.plan.left, at[self.plan.n_factors]
        panels = layout.panels(left)
        if self._n_blocks == MOST_BLOCKS:
            self._put_sums_away()
        if not self._totals:
            self._totals = [np.zeros(self._shape(layout, panel), np.int64) for panel in panels]
        self._n_blocks += 1
        for panel, total in zip(panels, self._totals, strict=True):
            rows = digits[at[panel.start] : at[panel.stop]]
            # Alone, so that numpy sees rows @ rows.T where there are no weights and computes half of it.
            first = at[panel.start - left.start]
            middle = at[panel.stop - left.start]
            for a, b in ((first, middle), (middle, end)):
                if b > a:
                    product = rows @ digits[a:b].T
                    total[:, a - first : b - first] += product.astype(np.int64)

    def _shape(self, layout: Layout, panel: range) -> tuple[int, int]:
        at = layout.offsets
        return at[panel.stop] - at[panel.start], at[self.plan.n_factors] - at[panel.start - self.plan.left.start]

    def _put_sums_away(self) -> None:
        if self._layout is None or not self._totals:
            return
        at, left, n = self._layout.offsets, self.plan.left, self.plan.n_factors
        entries = np.empty((n, n), object)
        for panel, total in zip(self._layout.panels(left), self._totals, strict=True):
            for place in panel:
                i = place - left.start
                first = at[panel.start - left.start]
                rows = total[at[place] - at[panel.start] : at[place + 1] - at[panel.start], at[i] - first :]
                entries[i, i:] = entries[i:, i] = whole(rows, [offset - at[i] for offset in at[i : n + 1]])
        units = [-low for low in self._layout.windows.low]
        matrix = fmpz_mat(n, n, entries.ravel().tolist())
        sums = Sums(self.plan.factor_units(units), matrix, self.plan.weight_unit(units))
        self._put_away = combined(self._put_away, sums, 2)
        self._totals, self._n_blocks = [], 0
