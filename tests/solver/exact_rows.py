"""Terms, predictions and leverages of rows in exact rationals: what the fast ones are held against."""

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from service.solver.terms import Term

Table = Sequence[Sequence[Fraction]]


def near_columns(seed: int, p: int, gap: int, offset: int) -> NDArray[np.float64]:
    """(p + 7, p), random: columns about `offset` and within 10**-gap of each other, of at most 15 digits."""
    rng = np.random.default_rng(seed)
    common = rng.integers(-(10**5), 10**5, size=(p + 7, 1)) / 10
    X = (common + offset + rng.integers(-999, 999, size=(p + 7, p)) * 10.0**-gap).round(5)
    return np.array([[float(f"{value:.15g}") for value in row] for row in X])


def exact_terms(rows: Table, terms: Sequence[Term]) -> list[list[Fraction]]:
    """Each row of base columns as its terms."""
    return [[prod((row[j] ** power for j, power in term.powers), start=Fraction(1)) for term in terms] for row in rows]


def design(rows: Table, fit_intercept: bool) -> fmpq_mat:
    """Of rows of terms, the column of ones first if an intercept is fitted."""
    first = [Fraction(1)] * fit_intercept
    return matrix([[*first, *row] for row in rows])


def matrix(rows: Table) -> fmpq_mat:
    entries = [fmpq(value.numerator, value.denominator) for row in rows for value in row]
    return fmpq_mat(len(rows), len(rows[0]), entries)


def fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def exact_leverages(new: fmpq_mat, fitted: fmpq_mat, weights: Sequence[Fraction] | None = None) -> list[Fraction]:
    """The x' (X'WX)^-1 x of the rows of `new`, X being `fitted`."""
    n, p = fitted.nrows(), fitted.ncols()
    W = [fmpq(w.numerator, w.denominator) for w in weights] if weights else [fmpq(1)] * n
    weighted = fmpq_mat(n, p, [fitted[i, j] * W[i] for i in range(n) for j in range(p)])
    shares = new * (fitted.transpose() * weighted).inv()
    return [fraction(sum((shares[i, j] * new[i, j] for j in range(p)), fmpq(0))) for i in range(new.nrows())]


def worst(got: NDArray[np.float64], expected: Sequence[Fraction]) -> Fraction:
    """The largest relative error."""
    return max(abs(Fraction(a) - b) / (abs(b) or Fraction(1)) for a, b in zip(got.tolist(), expected, strict=True))
