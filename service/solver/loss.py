"""The loss of any theta over all rows, from the exact moments: mini-batch descent need not read the rows for it."""

from collections.abc import Sequence
from math import inf

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.double_double import two_sum
from service.solver.entries import principal
from service.solver.moments import Moments
from service.solver.rounding import quotient
from service.solver.units import BASE, Sums, in_units

Floats = NDArray[np.float64]


class Loss:
    """theta -> mean of (y - X theta)^2, correctly rounded: theta's doubles and the moments are exact, so is their form.

    In integers, not in balls: no lock, no precision, nothing to cancel. Some 15 µs for ten features.
    """

    def __init__(self, moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> None:
        chosen = moments.select((*features, target))
        # One unit for all columns, so that theta is the only other thing with a scale.
        finest = max((0, *chosen.units))
        common = in_units(Sums((0, *chosen.units), chosen.sums), (finest,) * (1 + len(chosen.columns)), BASE[chosen.numbers])
        first = 0 if fit_intercept else 1
        size = common.ncols()
        self._first = first
        self._sums = principal(common, range(first, size))
        self._whole: int = int(chosen.total) * BASE[chosen.numbers] ** (2 * finest)
        n, total, square = (int(common[i, j]) for i, j in ((0, 0), (0, size - 1), (size - 1, size - 1)))
        # The squares of the target, about its mean or about 0, and what they have to be divided by.
        self._squares, self._per = (n * square - total * total, n) if fit_intercept else (square, 1)

    def __call__(self, theta: Floats, rest: Floats | None = None) -> float:
        """The loss of theta (1 + p,), intercept first, which is left out where none is fitted; inf if it overflows.

        Args: rest: what theta lacks, as where it is the sum of two doubles.
        """
        if not np.isfinite(theta).all():
            return inf
        form, scale = self._form(theta, np.zeros_like(theta) if rest is None else rest, -1)
        return quotient(form, self._whole * scale)

    @property
    def mean_square(self) -> float:
        """Of the target about its mean, or about 0 where no intercept is fitted."""
        return quotient(self._squares, self._per * self._whole)

    def excess(self, theta: Floats, hi: Floats, lo: Floats) -> float:
        """How far the loss of theta is above the least one, that of hi + lo (1 + p,): nothing cancels, so never below 0."""
        left, rest = two_sum(theta, -hi)
        form, scale = self._form(left, rest - lo, 0)
        return quotient(form, self._whole * scale)

    def r2(self, theta: Floats) -> float | None:
        """The share of the target's squares that theta explains, correctly rounded; None if the target does not vary."""
        if self._squares == 0:
            return None
        form, scale = self._form(theta, np.zeros_like(theta), -1)
        return quotient(self._squares * scale - form * self._per, self._squares * scale)

    def _form(self, hi: Floats, lo: Floats, y: int) -> tuple[int, int]:
        """The sum of squares of X (hi + lo) + y times the target, as an integer and what it has to be divided by."""
        pairs = zip(hi[self._first :].tolist(), lo[self._first :].tolist(), strict=True)
        parts = [(*a.as_integer_ratio(), *b.as_integer_ratio()) for a, b in pairs]
        below = max((max(d, f) for _, d, _, f in parts), default=1)  # all are powers of two
        row = fmpz_mat([[*(c * (below // d) + e * (below // f) for c, d, e, f in parts), y * below]])
        return int((row * self._sums * row.transpose())[0, 0]), below * below
