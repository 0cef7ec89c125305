"""Leverages in plain doubles, where these are proven to have their 13 digits: of columns that nearly depend on each other less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add, mul

import numpy as np

from service.solver.double_double import Floats
from service.solver.evaluation import blocks
from service.solver.leverage import Spread

# Relative: what leverages promise, less what terms of higher order add to the bound.
_RIGHT = 0.99e-13
_UNIT = 2.0**-53
Row = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class PlainSpread:
    """h = constant + |factor (x - mean)|^2 of rows whose columns are the terms; the mean alone in twice the digits.

    Each x - mean is right to 2 units, so that coordinates z come with errors of at most (p + 3) units of |R| |x - mean|, which is
    |R| |R^-1 z|: relative to |z| no more than (p + 3) units times the norm of |R| |R^-1|, whatever the row. That norm, Skeel's condition
    of R, does not depend on the units of the columns. Squares and their sum add p + 2 units.
    """

    constant: float
    mean: Floats  # (2, p) hi and lo
    factor: Floats  # (p, p) lower triangular

    @classmethod
    def of(cls, spread: Spread) -> PlainSpread | None:
        """None: twice the digits are needed, or the terms are made from the columns."""
        if spread.terms is not None or spread.lead is not None:
            return None
        factor = spread.factor[0]
        if not _error(factor) <= _RIGHT:
            return None
        return cls(spread.constant, spread.mean, factor)

    @cached_property
    def of_a_row(self) -> tuple[float, list[tuple[float, float]], list[Row]]:
        """The same one by one: the constant, the means and what they lack, the rows of the factor up to the diagonal."""
        rows = [tuple(row[: i + 1]) for i, row in enumerate(self.factor.tolist())]
        return self.constant, list(zip(*self.mean.tolist(), strict=True)), rows


def _error(factor: Floats) -> float:
    """The bound, relative, of a leverage's error; NaN where the scales of its columns are out of reach."""
    p = len(factor)
    with np.errstate(all="ignore"):
        scaled = factor / np.abs(factor).max(axis=0, initial=0.0)
        if not (np.isfinite(scaled).all() and scaled.diagonal().all()):
            return math.nan
        condition = float(np.linalg.norm(np.abs(scaled) @ np.abs(np.linalg.inv(scaled))))
    return (2 * (p + 3) * condition + p + 2) * _UNIT


def plain_leverages(spread: PlainSpread, X: Floats) -> Floats:
    """Of rows (m, p) -> (m,), bit for bit those of `plain_leverage`; infinite beyond a double."""
    results = np.empty(len(X))
    p = X.shape[1]
    mean, mean_rest = spread.mean[:, :, None]
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), 2 * p):
            less = (X[rows].T - mean) - mean_rest
            z = np.zeros(less.shape)
            for j in range(p):
                z[j:] += spread.factor[j:, j, None] * less[j]
            z *= z
            total = np.zeros(z.shape[1])
            for square in z:
                total += square
            results[rows] = spread.constant + total
    results[~np.isfinite(results)] = math.inf
    return results


def plain_leverage(spread: PlainSpread, row: Sequence[float]) -> float:
    """Of one row, which numpy's calls take 40 us for, and this 5 of ten columns; infinite or NaN beyond a double."""
    constant, means, factor = spread.of_a_row
    less = [(value - mean) - rest for value, (mean, rest) in zip(row, means, strict=True)]
    total = 0.0
    for weights in factor:
        z = reduce(add, map(mul, weights, less))  # as written out; sum() has more digits from Python 3.12 on
        total += z * z
    return constant + total
