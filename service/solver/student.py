"""Student's t: its quantiles to 15 digits, and its tails to as many as t itself has.

scipy is imported when it is first asked: 15 MB and 0.15 s of the start, of which a worker, say, needs nothing.
"""

from functools import cache, lru_cache
from importlib import import_module
from math import atan2, pi, sqrt
from typing import Any


@cache
def scipy_special() -> Any:
    """Imports it if need be; an import statement in the functions below would take 2 µs each time."""
    return import_module("scipy.special")


def is_ready() -> bool:
    """Whether scipy is there; else the first figure waits for it."""
    return bool(scipy_special.cache_info().currsize)


@lru_cache  # fits are often of as many rows: 15 µs of the 450 that a small one takes
def quantile(df: int, level: float) -> float:
    """The t > 0 with |T| <= t at probability `level`, between 0 and 1; for df > 0 degrees of freedom.

    By the lower tail: 1 - level loses nothing from 1/2 on, where (1 + level) / 2 would be rounded (10 digits at 0.999999).
    Below 1/2 the tail is near 1/2 and says little, so there it is t^2 / (df + t^2), of a beta distribution.
    """
    if level >= 0.5:
        return -float(scipy_special().stdtrit(df, (1 - level) / 2))
    share = float(scipy_special().betaincinv(0.5, df / 2, level))
    return sqrt(df * share / (1 - share))


def two_sided(df: int, t: float) -> float:
    """The probability of a |T| of at least |t|: to 13 digits or more, near 1e-300 to 2e-13."""
    if df == 1:  # scipy's loses half the digits of small t
        return 2 / pi * atan2(1.0, abs(t))
    return 2 * float(scipy_special().stdtr(df, -abs(t)))
