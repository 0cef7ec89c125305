"""Least squares in Python's own fractions by Gaussian elimination: slow, plain, and independent of what it checks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.least_squares import LeastSquares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.units import BASE

Rows = Sequence[Sequence[Fraction]]


@dataclass(frozen=True)
class ExactFit:
    theta: list[Fraction]  # intercept first when fitted
    variances: list[Fraction]  # squares of the standard errors; empty without degrees of freedom
    rss: Fraction  # weighted, as are the others
    total: Fraction  # sum of squares about the mean, or about 0 without an intercept
    weight: Fraction  # of all rows: their number without weights
    df: int


def as_read(block: NDArray[np.float64], numbers: str) -> list[list[Fraction]]:
    """The numbers that a block of doubles means."""
    read = Fraction if numbers == "float64" else lambda value: Fraction(repr(value))
    return [[read(value) for value in row] for row in block.tolist()]


def exact_fit(
    X: Rows,
    y: Sequence[Fraction],
    fit_intercept: bool = True,
    weights: Sequence[Fraction] | None = None,
    l2: Fraction = Fraction(0),
    minimum_norm: bool = False,
) -> ExactFit:
    """The fit, from the normal equation of [1 X] uncentred; of the least norm from that of X about the means."""
    w = weights or [Fraction(1)] * len(X)
    total = sum(w, Fraction(0))
    means = (
        [dot(w, column) / total for column in (*zip(*X, strict=True), y)] if fit_intercept else [Fraction(0)] * (len(X[0]) + 1)
    )
    if minimum_norm:
        theta, covariance, rank = _least_norm(X, y, w, means)
    else:
        theta, covariance = _unique(X, y, w, fit_intercept, l2 * total)
        rank = len(theta) - (not fit_intercept)
    if minimum_norm and fit_intercept:
        theta[0] = means[-1] - dot(means[:-1], theta[1:])
        spread = [dot(row, means[:-1]) for row in covariance]
        covariance = [
            [1 / total + dot(spread, means[:-1])],
            *([Fraction(0)] * (1 + i) + [row[i]] for i, row in enumerate(covariance)),
        ]
        rank += 1
    df = sum(one > 0 for one in w) - rank
    rss = sum(
        (one * (value - theta[0] - dot(row, theta[1:])) ** 2 for one, row, value in zip(w, X, y, strict=True)), Fraction(0)
    )
    return ExactFit(
        theta=theta if fit_intercept else theta[1:],
        variances=[rss / df * row[i] for i, row in enumerate(covariance)] if df > 0 else [],
        rss=rss,
        total=sum((one * (value - means[-1]) ** 2 for one, value in zip(w, y, strict=True)), Fraction(0)),
        weight=total,
        df=df,
    )


def _unique(
    X: Rows, y: Sequence[Fraction], w: Sequence[Fraction], fit_intercept: bool, penalty: Fraction
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Theta, the intercept's place first, and the inverse of [1 X]'W[1 X] + penalty on all but the intercept."""
    columns = [*([[Fraction(1)] * len(X)] if fit_intercept else []), *zip(*X, strict=True)]
    weighted = [[a * b for a, b in zip(w, column, strict=True)] for column in columns]
    gram = [[dot(a, b) for b in columns] for a in weighted]
    for i in range(fit_intercept, len(gram)):
        gram[i][i] += penalty
    inverse = inverted(gram)
    right = [dot(column, y) for column in weighted]
    theta = [dot(row, right) for row in inverse]
    return [*([] if fit_intercept else [Fraction(0)]), *theta], inverse


def _least_norm(
    X: Rows, y: Sequence[Fraction], w: Sequence[Fraction], means: Sequence[Fraction]
) -> tuple[list[Fraction], list[list[Fraction]], int]:
    """Theta with a place for the intercept, the pseudo-inverse of G = X'WX, and its rank: G+ = F'(FF')^-1 (H'H)^-1 H'.

    F are rows of G that span all of them, and G = H F: a full-rank factorisation.
    """
    centred = [[value - mean for value, mean in zip((*row, last), means, strict=True)] for row, last in zip(X, y, strict=True)]
    columns = list(zip(*centred, strict=True))
    weighted = [[a * b for a, b in zip(w, column, strict=True)] for column in columns[:-1]]
    G = [[dot(a, b) for b in columns[:-1]] for a in weighted]
    F: list[list[Fraction]] = []
    for row in G:
        if _rank([*F, row]) > len(F):
            F.append(row)
    FF = inverted([[dot(a, b) for b in F] for a in F])
    H = [[dot([dot(row, other) for other in F], column) for column in FF] for row in G]  # G F'(FF')^-1, FF being symmetric
    HH = inverted([[dot(a, b) for b in zip(*H, strict=True)] for a in zip(*H, strict=True)])
    left = [[dot(column, half) for half in FF] for column in zip(*F, strict=True)]  # F'(FF')^-1
    right = [[dot(row, half) for half in HH] for row in H]  # H (H'H)^-1
    pseudo = [[dot(a, b) for b in right] for a in left]
    beta = [dot(row, [dot(column, columns[-1]) for column in weighted]) for row in pseudo]
    return [Fraction(0), *beta], pseudo, len(F)


def _rank(rows: Rows) -> int:
    table, rank = [list(row) for row in rows], 0
    for column in range(len(table[0])):
        pivot = next((i for i in range(rank, len(table)) if table[i][column] != 0), None)
        if pivot is None:
            continue
        table[rank], table[pivot] = table[pivot], table[rank]
        for i in range(rank + 1, len(table)):
            factor = table[i][column] / table[rank][column]
            table[i] = [value - factor * above for value, above in zip(table[i], table[rank], strict=True)]
        rank += 1
    return rank


def dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def inverted(matrix: Rows) -> list[list[Fraction]]:
    """The inverse by Gauss and Jordan. Raises: StopIteration: singular."""
    size = len(matrix)
    table = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for k in range(size):
        pivot = next(i for i in range(k, size) if table[i][k] != 0)
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [value / table[k][k] for value in table[k]]
        for i in range(size):
            if i != k and table[i][k] != 0:
                factor = table[i][k]
                table[i] = [value - factor * above for value, above in zip(table[i], table[k], strict=True)]
    return [row[size:] for row in table]


def nearest_root(square: Fraction) -> float:
    """The double nearest to sqrt(square), ties to even: by comparing squares of the midpoints around a guess."""
    guess = math.sqrt(square)
    around = [guess]
    for _ in range(3):
        around = [math.nextafter(around[0], -math.inf), *around, math.nextafter(around[-1], math.inf)]
    around = [value for value in around if value >= 0]
    for low, high in pairwise(around):
        middle = (Fraction(low) + Fraction(high)) / 2
        if square < middle**2:
            return low
        if square == middle**2:
            return low if math.frexp(low)[0] * 2**53 % 2 == 0 else high
    raise AssertionError("the guess is far off")


def moments_of(rows: Rows, columns: Sequence[str], numbers: Numbers, weights: Sequence[Fraction] | None = None) -> Moments:
    """Moments summed in Python's integers, weighted or not; some places finer than they need be."""
    units = [_places(column, numbers) for column in zip(*rows, strict=True)]
    w = weights or [Fraction(1)] * len(rows)
    weight_unit = _places(w, numbers) if weights else 0
    base = BASE[numbers]
    whole = [[1, *(int(value * base**unit) for value, unit in zip(row, units, strict=True))] for row in rows]
    counted = [int(one * base**weight_unit) for one in w]
    sums = [
        [sum(one * row[i] * row[j] for one, row in zip(counted, whole, strict=True)) for j in range(1 + len(columns))]
        for i in range(1 + len(columns))
    ]
    n_weighted = sum(one > 0 for one in w) if weights else None
    return Moments(tuple(columns), numbers, tuple(units), fmpz_mat(sums), n_weighted, weight_unit)


def _places(column: Sequence[Fraction], numbers: Numbers) -> int:
    """How many digits of the base after the point the values need."""
    if numbers == "float64":
        return max(value.denominator.bit_length() - 1 for value in column)
    places = 0
    while any((value * 10**places).denominator != 1 for value in column):
        places += 1
    return places


def assert_figures(fit: LeastSquares, exact: ExactFit) -> None:
    """Every figure of a fit is the exact one, correctly rounded, and hi + lo holds what rounding left."""
    theta = exact.theta if fit.fit_intercept else [Fraction(0), *exact.theta]
    rests = [value - Fraction(float(value)) for value in theta]
    lows = [0.0 if abs(rest) <= abs(value) / 2**107 else float(rest) for rest, value in zip(rests, theta, strict=True)]
    assert (fit.intercept, *fit.coef) == tuple(map(float, theta)) == fit.evaluation.hi
    assert fit.evaluation.lo == tuple(lows)
    assert fit.mse == float(exact.rss / exact.weight)
    assert fit.rmse == nearest_root(exact.rss / exact.weight)
    assert fit.r2 == (float(1 - exact.rss / exact.total) if exact.total else None)
    if exact.variances and "penalised" not in fit.reasons.get("sigma", ""):
        assert fit.df_resid == exact.df
        assert fit.std_error == tuple(map(nearest_root, exact.variances))
        assert fit.sigma == nearest_root(exact.rss / exact.df)
    else:
        assert fit.sigma is None
        assert set(fit.std_error) == {None}
