"""What residuals promise: their own digits, however little the model leaves of the target."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.evaluation import Evaluation
from service.solver.least_squares import least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.residuals import residuals
from service.solver.term_values import Plan
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read, exact_fit

Floats = NDArray[np.float64]
ULP = Fraction(1, 2**52)


def exact(evaluation: Evaluation, X: Floats, y: Floats, numbers: str) -> list[Fraction]:
    theta = [Fraction(hi) + Fraction(lo) for hi, lo in zip(evaluation.hi, evaluation.lo, strict=True)]
    rows, targets = as_read(X, numbers), as_read(y[:, None], numbers)
    return [
        target[0] - theta[0] - sum((value * coef for value, coef in zip(row, theta[1:], strict=True)), Fraction(0))
        for row, target in zip(rows, targets, strict=True)
    ]


def within(results: Floats, expected: list[Fraction], tolerance: Fraction) -> bool:
    pairs = zip(results.tolist(), expected, strict=True)
    return all(abs(Fraction(got) - want) <= tolerance * abs(want) for got, want in pairs)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), p=st.integers(1, 20), digits=st.integers(0, 14))
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_a_residual_has_its_own_digits_however_near_the_target_is(numbers: Numbers, seed: int, p: int, digits: int) -> None:
    """The prediction takes 14 digits of the target away, and y less its rounded value would have two left."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-(10**5), 10**5, size=(5, p)) / 10
    coef = rng.normal(size=p)
    y = np.array([float(f"{value:.15g}") for value in 3.7 + (X @ coef) * (1 + 10.0**-digits)])
    evaluation = Evaluation((3.7, *coef.tolist()), (1e-17, *(coef * 2.0**-55).tolist()))
    assert within(residuals(evaluation, X, y, numbers), exact(evaluation, X, y, numbers), ULP)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_residuals_of_a_polynomial_far_from_zero_are_those_of_its_exact_coefficients(numbers: Numbers) -> None:
    """A cube of years: its terms are 1e10 times what they leave."""
    rng = np.random.default_rng(3)
    x = np.arange(1990.0, 2020.0)[:, None]
    y = rng.integers(-999, 999, size=30) / 100
    made = terms((Base("x"),), 3, interactions=False)
    names = tuple(term.name for term in made)
    powers = np.column_stack([x, x**2, x**3])
    moments = Moments.of(np.column_stack([powers, y]), (*names, "y"), numbers)
    fit = least_squares(moments, "y", names, terms=Terms(made))
    rows = as_read(np.column_stack([powers, y]), numbers)
    expected = exact_fit([row[:3] for row in rows], [row[3] for row in rows]).theta
    wanted = [
        row[3] - sum((a * b for a, b in zip([Fraction(1), *row[:3]], expected, strict=True)), Fraction(0)) for row in rows
    ]
    assert fit.evaluation.centre
    assert within(residuals(fit.evaluation, x, y, numbers, Plan.of(made, 1)), wanted, Fraction(1, 10**13))


def test_what_exceeds_a_double_is_infinite() -> None:
    """Never NaN, whatever overflowed on the way."""
    evaluation = Evaluation((0.0, 1e300, -1e300), (0.0, 0.0, 0.0))
    results = residuals(evaluation, np.array([[1e150, 1e150], [1.0, 1.0]]), np.zeros(2), "float64")
    assert results.tolist() == [np.inf, 0.0]


def test_coefficients_near_the_largest_double_leave_what_they_leave() -> None:
    """They are scaled down to be split, and the target with them."""
    evaluation = Evaluation((0.0, 1e290), (0.0, 0.0))
    results = residuals(evaluation, np.array([[1e-150]]), np.array([1e140 + 1e130]), "float64")
    assert within(results, exact(evaluation, np.array([[1e-150]]), np.array([1e140 + 1e130]), "float64"), ULP)
