"""Feeding rows in pieces to sums of terms: exact products of the columns, weighted if asked."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.solver.errors import BadWeight, TooManySlices
from service.solver.moments import Moments
from service.solver.reading import Numbers, check
from service.solver.slicing.accumulation import Accumulation, require_width
from service.solver.slicing.monomials import Plan
from service.solver.slicing.products import Monomials
from service.solver.slicing.term_limits import MOST_SLICES, TooLongProducts
from service.solver.terms import Term
from service.solver.units import BASE, in_weight_unit

WeightType = Literal["precision", "frequency"]


class TermSummation:
    """As `Summation`, of [1, *terms, target]: each term is the exact product of the values as read, never a rounded one.

    The result depends on the rows alone, not on how they were cut nor on their order; only whether values that lie far
    apart need too many slices can hang on which rows come together. Not for several threads at once: give each its own
    and add the results.
    """

    def __init__(
        self,
        bases: Sequence[str],
        terms: Sequence[Term],
        target: str,
        numbers: Numbers,
        weights: str | None = None,
        weight_type: WeightType = "precision",
    ) -> None:
        """Of no rows yet.

        Args: bases, target, weights: the names of the block's columns, in this order. weight_type: "precision", the sums
              are weighted, a row of weight 0 does not count; "frequency", a row stands for as many as its weight says.
        """
        self.columns = (*(term.name for term in terms), target)
        self.numbers: Numbers = numbers
        self._is_weighted = weights is not None
        self._is_frequency = weight_type == "frequency"
        self._weighted_rows = 0
        block_columns = (*bases, target) if weights is None else (*bases, target, weights)
        factors = [*(term.powers for term in terms), ((len(bases), 1),)]
        self._rows = Accumulation(block_columns, numbers, Monomials(Plan.of(factors, len(block_columns), self._is_weighted)))

    @property
    def n_samples(self) -> int:
        """How many rows were added, whatever their weights."""
        return self._rows.n_samples

    def add(self, block: NDArray[np.float64]) -> None:
        """Take in rows, (n, bases + 1 or 2): the bases, the target and, if weighted, the weights.

        Raises: NotFinite, OutOfRange, TooManyDigits, BadWeight: with the row counted from the first row ever added.
                TooManySlices: the terms are too long. The summation is of no further use then.
        """
        require_width(block, len(self._rows.columns))
        if self._is_weighted:
            self._require_weights(block)
            self._weighted_rows += int((block[:, -1] > 0).sum())
        try:
            self._rows.add(block)
        except TooLongProducts as too_long:
            raise self._too_many(too_long) from None

    def result(self) -> Moments:
        """The moments of the rows so far; more may be added after. Raises: TooManySlices: the terms are too long."""
        try:
            sums = self._rows.total()
        except TooLongProducts as too_long:
            raise self._too_many(too_long) from None
        if self._is_frequency:
            sums = in_weight_unit(sums, 0, BASE[self.numbers])  # a sum of whole numbers of rows
        is_weighted = self._is_weighted and not self._is_frequency
        return Moments.from_sums(sums, self.columns, self.numbers, self._weighted_rows if is_weighted else None)

    def _require_weights(self, block: NDArray[np.float64]) -> None:
        weights = block[:, -1]
        is_bad = weights < 0
        if self._is_frequency:
            is_bad |= np.isfinite(weights) & (weights != np.rint(weights))
        if is_bad.any():
            row, first_row, columns = int(is_bad.argmax()), self._rows.n_samples, self._rows.columns
            check(block[: row + 1], columns, self.numbers, first_row)  # the first wrong row is the one to name
            raise BadWeight(first_row + row, columns[-1], float(weights[row]))

    def _too_many(self, too_long: TooLongProducts) -> TooManySlices:
        return TooManySlices(("1", *self.columns)[too_long.factor], too_long.n_slices, MOST_SLICES)
