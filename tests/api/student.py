"""Quantiles of Student's t and the ends of intervals, in balls of 300 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from flint import arb, ctx, fmpq
from scipy.special import stdtrit

_BITS = 300


@contextmanager
def in_balls() -> Iterator[None]:
    """All that is done inside is done in 300 bits."""
    before = ctx.prec
    ctx.prec = _BITS
    try:
        yield
    finally:
        ctx.prec = before


@cache
def t_quantile(df: int, level: float) -> arb:
    """The t that a two-sided interval of this level reaches to: Newton's steps on arb's regularised incomplete beta function.

    A guess is doubled in its digits by each step; the last one proves that the probability beyond is right.
    """
    with in_balls():
        outside = 1 - arb(level)
        t = arb(float(stdtrit(df, (1 + level) / 2)))
        for _ in range(6):
            t = (t - (_outside(t, df) - outside) / _slope(t, df)).mid()
        assert abs(_outside(t, df) / outside - 1) < arb(2) ** -200
        return t


def interval(prediction: fmpq, leverage: fmpq, sigma_square: fmpq, df: int, level: float, kind: str) -> tuple[arb, arb]:
    """The ends of the interval of the mean at a row, or of a new observation there. To be used `in_balls`."""
    spread = leverage + (1 if kind == "prediction" else 0)
    margin = t_quantile(df, level) * arb(sigma_square * spread).sqrt()
    return arb(prediction) - margin, arb(prediction) + margin


def off_by(got: float, exact: arb) -> float:
    """The relative error, at most; the absolute one of what is 0. To be used `in_balls`."""
    error = abs(arb(got) - exact)
    return float((error if exact.contains(0) else error / abs(exact)).abs_upper())


def _outside(t: arb, df: int) -> arb:
    """The probability of a larger |t|."""
    return (df / (df + t * t)).beta_lower(arb(df) / 2, arb(1) / 2, regularized=True)


def _slope(t: arb, df: int) -> arb:
    """The derivative of `_outside`: twice the density, less than 0."""
    half = arb(df) / 2
    density = (half + arb(1) / 2).gamma() / (half.gamma() * (arb.pi() * df).sqrt())
    return -2 * density * (1 + t * t / df) ** -(half + arb(1) / 2)
