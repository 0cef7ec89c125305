"""What a fit is worth as a whole, beside mse and R²: adjusted R², F, and the likelihood of normal errors with AIC and BIC.

Sources: Greene, Econometric Analysis, 7th ed., 3.5.1 (adjusted R²), 5.5.3 (F), 14.9.1 (likelihood), 5.10.1 (AIC and BIC); counted
as statsmodels does: k is the rank, and sigma is no parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from flint import arb, fmpq, fmpz

from service.solver.balls import precision
from service.solver.rounding import nearest

Number = TypeVar("Number", arb, fmpq)
Rounded = Callable[[arb | fmpq], float | tuple[float, ...] | None]

EXACT = "the fit is exact: there is nothing to test against"
UNBOUNDED = "the fit is exact: the likelihood has no bound"
_FIRST_BITS = 192
LIKELIHOOD = ("log_likelihood", "aic", "bic")
_INFINITE = (math.inf, -math.inf, -math.inf)


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
    def n_figures(self) -> int:
        """How many `glance` asks for, the likelihood and its criteria as one."""
        return 1 + self.varies + (self.varies and self.df_model > 0) if self.df else 0

    def named(self, known: Sequence[Any]) -> dict[str, float]:
        """The figures by their names; those of an exact fit are infinite."""
        if not self.df:
            return {}
        *ratios, likelihood = known[: self.n_figures]
        return dict(zip(("r2_adj", "f_statistic"), ratios, strict=False)) | dict(zip(LIKELIHOOD, likelihood, strict=True))


def glance(
    counts: Counts, explained: Number, whole: fmpz, mean_square: Callable[[], Number]
) -> list[tuple[Rounded, Callable[[], Number]]]:
    """R² adjusted and F, where they exist, and the likelihood with its criteria, each as its rounding and the exact value that is.

    Args: explained: the part of the target's squares, `whole`, that is not left. mean_square: of what is left, over the rows.
    """
    if not counts.df:
        return []
    n, df = counts.n, counts.df
    asked: list[tuple[Rounded, Callable[[], Number]]] = []
    if counts.varies:
        left = whole - explained
        asked.append((nearest, lambda: 1 - left * (n - counts.fit_intercept) / (whole * df)))
        if counts.df_model:
            asked.append((partial(_ratio, explained * df / counts.df_model), lambda: left))
    asked.append((partial(_likelihood, n, counts.rank), mean_square))
    return asked


def _ratio(numerator: arb | fmpq, denominator: arb | fmpq) -> float | None:
    if denominator == 0:
        return math.inf
    return nearest(numerator / denominator)  # of a ball that holds 0 it is undecided


def _likelihood(n: int, k: int, mean_square: arb | fmpq) -> tuple[float, ...] | None:
    """`LIKELIHOOD`; infinite if nothing is left. One logarithm serves all three: 5 us of a fit of 50 x 1."""
    if mean_square == 0:
        return _INFINITE
    if isinstance(mean_square, arb):
        return _from_logarithm(n, k, mean_square) if mean_square > 0 else None
    bits = _FIRST_BITS
    while True:  # it ends, as the logarithm of a rational is none, and midpoints of doubles are
        with precision(bits):
            found = _from_logarithm(n, k, arb(mean_square))
        if found is not None:
            return found
        bits *= 2


def _from_logarithm(n: int, k: int, mean_square: arb) -> tuple[float, ...] | None:
    deviance = ((2 * arb.pi() * mean_square).log() + 1) * n
    likelihood, aic, bic = nearest(deviance / -2), nearest(deviance + 2 * k), nearest(deviance + k * arb(n).log())
    return None if likelihood is None or aic is None or bic is None else (likelihood, aic, bic)
