"""What the change of coefficients with each target promises: that of exact arithmetic, for any columns, weights and terms."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import RankDeficient
from service.solver.influence import changes, freedoms, influence
from service.solver.leverage import leverages, whitened
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.term_summation import TermSummation
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import design, exact_terms, fraction, near_columns

Floats = NDArray[np.float64]
TOLERANCE = Fraction(1, 10**13)


def exact_changes(X: fmpq_mat, weights: list[Fraction]) -> list[list[Fraction]]:
    """(X'WX)^-1 x w, a row a row of X."""
    n, c = X.nrows(), X.ncols()
    W = [fmpq(w.numerator, w.denominator) for w in weights]
    weighted = fmpq_mat(n, c, [X[i, j] * W[i] for i in range(n) for j in range(c)])
    found = weighted * (X.transpose() * weighted).inv()
    return [[fraction(found[i, j]) for j in range(c)] for i in range(n)]


def agree(got: Floats, expected: list[list[Fraction]]) -> bool:
    """To so much of the largest change of each coefficient."""
    largest = [max(map(abs, column)) for column in zip(*expected, strict=True)]
    return all(
        abs(Fraction(a) - b) <= TOLERANCE * most
        for row, wanted in zip(got.tolist(), expected, strict=True)
        for a, b, most in zip(row, wanted, largest, strict=True)
    )


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    p=st.integers(1, 9),
    gap=st.integers(0, 9),
    offset=st.sampled_from([0, 10**9]),
    fit_intercept=st.booleans(),
)
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_changes_are_those_of_exact_arithmetic(
    numbers: Numbers, seed: int, p: int, gap: int, offset: int, fit_intercept: bool
) -> None:
    """Columns far from zero, and within 1e-9 of each other."""
    X = near_columns(seed, p, gap, offset)
    names = tuple(f"x{j}" for j in range(p))
    moments = Moments.of(np.column_stack([X, np.arange(len(X)) ** 2.0]), (*names, "y"), numbers)
    try:
        made = influence(moments, "y", names, fit_intercept)
    except RankDeficient:
        return
    exact = design(as_read(X, numbers), fit_intercept)
    assert agree(changes(made, whitened(made.spread, X, numbers)), exact_changes(exact, [Fraction(1)] * len(X)))


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("dropped", [(), ("x^2",)])
def test_a_weighted_polynomial_far_from_zero_has_all_its_digits(fit_intercept: bool, dropped: tuple[str, ...]) -> None:
    """A cube of years, about a centre inside: what is said is of the terms as they are reported."""
    rng = np.random.default_rng(11)
    x = np.arange(1990.0, 2015.0)[:, None]
    weights = rng.integers(1, 9, size=25) / 4
    made_of = terms((Base("x"),), 3, interactions=False)
    summation = TermSummation(["x"], made_of, "y", "float64", "w", "precision")
    summation.add(np.column_stack([x, rng.normal(size=25), weights]))
    kept = [term for term in made_of if term.name not in dropped]
    names = [term.name for term in kept]
    made = influence(summation.result(), "y", names, fit_intercept, Terms(made_of))
    assert made.spread.centre
    exact = design(exact_terms(as_read(x, "float64"), kept), fit_intercept)
    wanted = exact_changes(exact, [Fraction(weight) for weight in weights.tolist()])
    coordinates = whitened(made.spread, x, "float64")
    assert agree(changes(made, coordinates, weights), wanted)
    h = weights * leverages(made.spread, x, "float64")
    assert freedoms(coordinates, weights) == pytest.approx(1 - h, rel=1e-14)


def test_a_row_that_alone_has_a_column_leaves_nothing_free() -> None:
    """Its leverage is 1; one that is 1 but for 1e-14 has its digits too."""
    X = np.array([[0.0, 1.0], [0.0, 2.0], [0.0, 4.0], [1.0, 7.0], [0.0, 1e8]])
    moments = Moments.of(np.column_stack([X, np.arange(5.0)]), ("a", "b", "y"))
    made = influence(moments, "y", ("a", "b"), fit_intercept=False)
    free = freedoms(whitened(made.spread, X, "float64"))
    assert abs(free[3]) < 1e-25
    assert free[4] == pytest.approx(21 / (1e16 + 21), rel=1e-13)
