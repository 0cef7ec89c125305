"""Coefficients by other units of the columns than those that they are in: of times, a day in place of a microsecond.

Predictions and whatever follows from the moments stay in the columns' own units; these figures are what people read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scaled:
    """Each coefficient times its scale, and its standard error, (p,): the exact ones, rounded once. None as in `LeastSquares`."""

    scales: tuple[int, ...]
    coef: tuple[float | None, ...]
    std_error: tuple[float | None, ...]

    def placed(self, columns: Sequence[int | None], scales: Sequence[int]) -> Scaled:
        """The same of more columns. Args: columns: where each is here, None for one that is not. scales: of all of them."""
        coef, std_error = (tuple(None if i is None else values[i] for i in columns) for values in (self.coef, self.std_error))
        return Scaled(tuple(scales), coef, std_error)
