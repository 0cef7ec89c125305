"""Least squares in Python's own fractions by Gaussian elimination: slow, plain, and independent of what it checks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Rows = Sequence[Sequence[Fraction]]


@dataclass(frozen=True)
class ExactFit:
    theta: list[Fraction]  # intercept first when fitted
    variances: list[Fraction]  # squares of the standard errors; empty without degrees of freedom
    rss: Fraction
    total: Fraction  # sum of squares about the mean, or about 0 without an intercept


def as_read(block: NDArray[np.float64], numbers: str) -> list[list[Fraction]]:
    """The numbers that a block of doubles means."""
    read = Fraction if numbers == "float64" else lambda value: Fraction(repr(value))
    return [[read(value) for value in row] for row in block.tolist()]


def exact_fit(X: Rows, y: Sequence[Fraction], fit_intercept: bool = True) -> ExactFit:
    """The fit, from the normal equation of [1 X] uncentred."""
    design = [[Fraction(1), *row] if fit_intercept else list(row) for row in X]
    size, n = len(design[0]), len(design)
    columns = list(zip(*design, strict=True))
    gram = [[dot(a, b) for b in columns] for a in columns]
    inverse = inverted(gram)
    right = [dot(column, y) for column in columns]
    theta = [dot(row, right) for row in inverse]
    rss = sum(((value - dot(row, theta)) ** 2 for row, value in zip(design, y, strict=True)), Fraction(0))
    mean = sum(y, Fraction(0)) / n if fit_intercept else 0
    return ExactFit(
        theta=theta,
        variances=[rss / (n - size) * inverse[i][i] for i in range(size)] if n > size else [],
        rss=rss,
        total=sum(((value - mean) ** 2 for value in y), Fraction(0)),
    )


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
