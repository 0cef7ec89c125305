"""What a fit is worth as a whole, beside mse and R²: adjusted R², F, and the likelihood of normal errors with AIC and BIC.

Sources: Greene, Econometric Analysis, 7th ed., 3.5.1 (adjusted R²), 5.5.3 (F), 14.9.1 (likelihood), 5.10.1 (AIC and BIC); counted
as statsmodels does: k is the rank, and sigma is no parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from flint import arb, fmpq, fmpz

from service.solver.balls import precision
from service.solver.rounding import nearest

Number = TypeVar("Number", arb, fmpq)
Rounded = Callable[[arb | fmpq], float | None]

EXACT = "the fit is exact: there is nothing to test against"
UNBOUNDED = "the fit is exact: the likelihood has no bound"
_FIRST_BITS = 192
LIKELIHOOD = ("log_likelihood", "aic", "bic")


@dataclass(frozen=True, slots=True)
class Glance:
    """A figure that does not exist is None. With weights that say what a row counts, half the sum of their logarithms is lacking
    in the likelihood, which only the rows know.
    """

    df_model: int  # coefficients that are determined, the intercept's aside
    r2_adj: float | None = None
    f_statistic: float | None = None
    log_likelihood: float | None = None
    aic: float | None = None
    bic: float | None = None


class Counts(NamedTuple):
    """What figures divide by."""

    n: int  # rows
    df: int | None  # left for the residuals; 0: there are none; None: they tell nothing of sigma
    fit_intercept: bool
    varies: bool  # whether the target does, about its mean or about 0

    @property
    def rank(self) -> int:
        return self.n - (self.df or 0)

    @property
    def df_model(self) -> int:
        return self.rank - self.fit_intercept

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that exist, of an exact fit too, whose are infinite."""
        if not self.df:
            return ()
        return (*(["r2_adj"] if self.varies else []), *(["f_statistic"] if self.varies and self.df_model else []), *LIKELIHOOD)


def glance(
    counts: Counts, explained: Number, whole: fmpz, mean_square: Callable[[], Number]
) -> list[tuple[Rounded, Callable[[], Number]]]:
    """Each of `counts.names`, as its rounding and the exact value that is rounded.

    Args: explained: the part of the target's squares, `whole`, that is not left. mean_square: of what is left, over the rows.
    """
    if not counts.df:
        return []
    left, n, df = whole - explained, counts.n, counts.df
    asked: list[tuple[Rounded, Callable[[], Number]]] = []
    if counts.varies:
        asked.append((nearest, lambda: 1 - left * (n - counts.fit_intercept) / (whole * df)))
        if counts.df_model:
            asked.append((partial(_ratio, explained * df / counts.df_model), lambda: left))
    return asked + [(partial(_criterion, name, n, counts.rank), mean_square) for name in LIKELIHOOD]


def _ratio(numerator: arb | fmpq, denominator: arb | fmpq) -> float | None:
    if denominator == 0:
        return math.inf
    return nearest(numerator / denominator)  # of a ball that holds 0 it is undecided


def _criterion(name: str, n: int, k: int, mean_square: arb | fmpq) -> float | None:
    """Infinite, if nothing is left."""
    if mean_square == 0:
        return math.inf
    if isinstance(mean_square, arb):
        return nearest(_of_logarithm(name, n, k, mean_square)) if mean_square > 0 else None
    bits = _FIRST_BITS
    while True:  # it ends, as the logarithm of a rational is none, and midpoints of doubles are
        with precision(bits):
            found = nearest(_of_logarithm(name, n, k, arb(mean_square)))
        if found is not None:
            return found
        bits *= 2


def _of_logarithm(name: str, n: int, k: int, mean_square: arb) -> arb:
    deviance = n * ((2 * arb.pi() * mean_square).log() + 1)
    if name == "log_likelihood":
        return -deviance / 2
    return deviance + (2 * k if name == "aic" else k * arb(n).log())
