"""What predictions promise: as right as the coefficients, to the last digit or two, however much cancels."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.evaluation import Evaluation, prediction, predictions
from service.solver.least_squares import least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from tests.solver.exact_fit import as_read, exact_fit

Floats = NDArray[np.float64]
ULP = Fraction(1, 2**52)


def exact(evaluation: Evaluation, X: Floats, numbers: str) -> list[Fraction]:
    theta = [Fraction(hi) + Fraction(lo) for hi, lo in zip(evaluation.hi, evaluation.lo, strict=True)]
    return [
        theta[0] + sum((value * coef for value, coef in zip(row, theta[1:], strict=True)), Fraction(0))
        for row in as_read(X, numbers)
    ]


def within(results: Floats, expected: list[Fraction], tolerance: Fraction) -> bool:
    return all(
        abs(Fraction(got) - want) <= tolerance * abs(want) for got, want in zip(results.tolist(), expected, strict=True)
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), p=st.integers(1, 20), digits=st.integers(0, 14))
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_terms_that_cancel_by_any_number_of_digits_leave_a_right_sum(numbers: Numbers, seed: int, p: int, digits: int) -> None:
    """The intercept takes nearly all of coef . x away: 14 digits go, and the result still has its own."""
    rng = np.random.default_rng(seed)
    X = np.tile(rng.integers(-(10**5), 10**5, size=p) / 10, (5, 1))
    coef = rng.normal(size=p)
    total = float(X[0] @ coef)
    hi = (-total * (1 + 10.0**-digits), *coef.tolist())
    evaluation = Evaluation(hi, tuple(value * 2.0**-55 for value in hi))
    results = predictions(evaluation, X, numbers)
    assert within(results, exact(evaluation, X, numbers), ULP)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize(("gap", "offset"), [(1e-8, 0.0), (1.0, 1e9), (1e-4, 1e9)])
def test_predictions_of_a_fit_have_13_digits(numbers: Numbers, gap: float, offset: float) -> None:
    """Collinear columns, far from zero: what the exact coefficients say of each row, from the fit's two halves of each."""
    rng = np.random.default_rng(8)
    X = (rng.integers(-999, 999, size=(20, 1)) + gap * rng.integers(-999, 999, size=(20, 3)) + offset).round(8)
    X = np.array([[float(f"{value:.15g}") for value in row] for row in X])
    y = rng.integers(-999, 999, size=20) / 100
    block = np.column_stack([X, y])
    names = ("a", "b", "c")
    fit = least_squares(Moments.of(block, (*names, "y"), numbers), "y", names)
    rows = as_read(block, numbers)
    theta = exact_fit([row[:3] for row in rows], [row[3] for row in rows]).theta
    expected = [
        theta[0] + sum((value * coef for value, coef in zip(row[:3], theta[1:], strict=True)), Fraction(0)) for row in rows
    ]
    assert within(predictions(fit.evaluation, X, numbers), expected, Fraction(1, 10**13))


@settings(max_examples=60)
@given(digits=st.integers(1, 10**15 - 1), places=st.integers(-30, 45), n=st.sampled_from([1, 50]))
def test_decimals_of_any_size_are_read_as_decimals(digits: int, places: int, n: int) -> None:
    """1 + 2**-60 times x minus the double x leaves what the double lacks of the decimal."""
    x = float(f"{digits}e{-places}")
    X = np.column_stack([np.full(n, x), np.ones(n)])
    evaluation = Evaluation((0.0, 1.0, -x), (0.0, 0.0, x * 2.0**-60))
    assert within(predictions(evaluation, X, "decimal"), exact(evaluation, X, "decimal"), ULP * 2**10)


def test_values_of_more_than_15_digits_are_the_doubles_they_are() -> None:
    """A measurement to predict for need not be a decimal, even where the data were."""
    X = np.array([[1 / 3], [2 / 3 * 1e-12], [1e22 / 3]] * 5)
    evaluation = Evaluation((0.0, 3.0), (0.0, 0.0))
    assert within(predictions(evaluation, X, "decimal"), exact(evaluation, X, "float64"), ULP)


def test_how_rows_are_cut_into_blocks_does_not_change_a_bit() -> None:
    """A row's prediction is its own."""
    rng = np.random.default_rng(9)
    X = rng.normal(size=(3000, 7))
    evaluation = Evaluation(tuple(rng.normal(size=8)), (0.0,) * 8)
    whole = predictions(evaluation, X, "float64")
    assert np.array_equal(whole, np.concatenate([predictions(evaluation, X[[i]], "float64") for i in range(3000)]))


@pytest.mark.parametrize(("coef", "x"), [(1e305, 1e3), (1.7e308, 1.0), (1e300, -1e7), (1e-300, 1e150), (3e290, 1e-150)])
def test_coefficients_near_the_largest_double_are_split_without_overflow(coef: float, x: float) -> None:
    """What fits a double is right, what does not is infinite for the caller to refuse."""
    evaluation = Evaluation((0.0, coef), (0.0, 0.0))
    assert within(predictions(evaluation, np.array([[x]]), "float64"), exact(evaluation, np.array([[x]]), "float64"), ULP)


@pytest.mark.parametrize("coef", [1e200, -1e200, 1e300])
@pytest.mark.parametrize("x", [[1e150, 1.0], [1e150, -1e150]])
def test_a_prediction_with_a_term_beyond_double_range_is_infinite(coef: float, x: list[float]) -> None:
    """Never NaN, and no warning."""
    assert np.isinf(predictions(Evaluation((0.0, coef, coef), (0.0,) * 3), np.array([x]), "float64")).all()


def test_no_rows_and_no_features_are_fine() -> None:
    """No rows have no predictions; without features each row gets the intercept."""
    assert predictions(Evaluation((1.0, 2.0), (0.0, 0.0)), np.empty((0, 1)), "decimal").shape == (0,)
    assert predictions(Evaluation((1.5,), (0.0,)), np.empty((3, 0)), "decimal").tolist() == [1.5] * 3


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), p=st.integers(1, 40), exponent=st.sampled_from([0, 140, 300]))
def test_one_row_by_itself_has_the_bits_of_many(seed: int, p: int, exponent: int) -> None:
    """Without numpy the same sums in the same order, whatever the coefficients are scaled by."""
    rng = np.random.default_rng(seed)
    hi = rng.normal(size=p + 1) * 10.0**exponent
    evaluation = Evaluation(tuple(hi.tolist()), tuple((hi * 2.0**-55).tolist()))
    X = rng.normal(size=(3, p))
    assert [prediction(evaluation, row) for row in X.tolist()] == predictions(evaluation, X, "float64").tolist()
