"""How near the columns come to being dependent, and how many digits of the coefficients the data support."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from flint import acb_mat, arb, arb_mat
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.least_squares import NO_FEATURES, LeastSquares, least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.rounding import TOO_LARGE
from service.solver.terms import Term, Terms

Floats = NDArray[np.float64]


def fitted(X: Floats, y: Floats | None = None, numbers: Numbers = "float64", **options: Any) -> LeastSquares:
    return least_squares(moments(X, y, numbers), "y", names(X), **options)


def moments(X: Floats, y: Floats | None = None, numbers: Numbers = "float64") -> Moments:
    return Moments.of(np.column_stack([X, np.arange(len(X)) ** 2.0 if y is None else y]), (*names(X), "y"), numbers)


def names(X: Floats) -> list[str]:
    return [f"x{1 + j}" for j in range(X.shape[1])]


def condition_by_eigenvalues(X: Floats, fit_intercept: bool) -> float:
    """From the eigenvalues of the correlation matrix at 1,000 bits."""
    n, p = X.shape
    with precision(1000):
        A = arb_mat(n, p, X.ravel().tolist())
        ones = arb_mat(n, n, [arb(i == j) - (arb(1) / n if fit_intercept else 0) for i in range(n) for j in range(n)])
        gram = A.transpose() * ones * A
        lengths = [gram[i, i].sqrt() for i in range(p)]
        scaled = acb_mat(p, p, [gram[i, j] / (lengths[i] * lengths[j]) for i in range(p) for j in range(p)])
        values = [value.real for value in scaled.eig(algorithm="approx")]
        return float((max(values, key=float) / min(values, key=float)).sqrt())


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("p", [2, 3, 8])
@pytest.mark.parametrize("digits", [0, 3, 9, 15, 18])
def test_the_condition_number_has_thirteen_digits_however_large_it_is(digits: int, p: int, fit_intercept: bool) -> None:
    """A float64 SVD of such columns would have none at 1e16 and beyond."""
    rng = np.random.default_rng([digits, p])
    orthogonal, _ = np.linalg.qr(rng.normal(size=(20, p)))
    turned, _ = np.linalg.qr(rng.normal(size=(p, p)))
    X = orthogonal * np.geomspace(1, 10.0**-digits, p) @ turned * 10.0 ** rng.integers(-5, 6, size=p) + (p == 3)
    fit = fitted(X, fit_intercept=fit_intercept, rank_deficient="allow")
    assert fit.condition_number == pytest.approx(condition_by_eigenvalues(X, fit_intercept), rel=1e-13)


def test_units_and_offsets_do_not_count_but_correlation_does() -> None:
    """Columns of a balanced design have a condition number of 1, wherever they are and whatever they are measured in."""
    X = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]] * 2)
    assert fitted(X * [1, 1e6, 1e-6] + [0, 2**30, 0]).condition_number == pytest.approx(1.0, rel=1e-15)
    assert fitted(X[:, :1] + 1e9).condition_number == 1.0
    assert fitted(X[:, :0]).condition_number == 1.0
    a, b = np.random.default_rng(1).normal(size=(2, 30))
    r = abs(np.corrcoef(a, a + b)[0, 1])
    assert fitted(np.column_stack([a, a + b])).condition_number == pytest.approx(((1 + r) / (1 - r)) ** 0.5, rel=1e-12)


def test_a_condition_number_beyond_a_double_is_missing_with_the_reason() -> None:
    """Decimals of 1e150 beside 1e-150, and no more in common than that they are."""
    X = np.array([[1e150, 1e150], [2e149, 2e149], [4e149, 4e149], [1e-150, 0.0]])
    fit = fitted(X, numbers="decimal")
    assert (fit.condition_number, fit.supported_digits) == (None, 0.0)
    assert fit.reasons["condition_number"] == TOO_LARGE


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_both_figures_are_the_same_bits_however_the_sums_came_about(numbers: Numbers) -> None:
    """An append and its removal leave sums in finer units, which say nothing of the rows."""
    rng = np.random.default_rng(2)
    for p in (1, 2, 3, 7):
        X, y = rng.normal(size=(24, p)).round(2), rng.normal(size=24).round(1)
        X[:, 0] = np.arange(1, 25) / 10  # adds up to 30, and its squares to 49: whole numbers
        fine = moments(np.full((1, p), 0.12345678), np.array([1e-9]), numbers)
        plain, detour = moments(X, y, numbers), moments(X, y, numbers) + fine - fine
        assert detour.units != plain.units
        assert least_squares(detour, "y", names(X)) == least_squares(plain, "y", names(X))


def spread_of_coef(X: Floats, y: Floats, places: Floats, rng: np.random.Generator) -> Floats:
    """The standard deviations of the coefficients over errors of up to half of a last place in all values."""
    coefs = []
    for _ in range(300):
        moved = np.column_stack([X, y]) + places * rng.uniform(-0.5, 0.5, size=(len(X), X.shape[1] + 1))
        fit = fitted(moved[:, :-1], moved[:, -1], rank_deficient="allow")
        coefs.append(fit.coef)
    spread: Floats = np.array(coefs, float).std(axis=0)
    return spread


@pytest.mark.parametrize("noise", [0.0, 1.0, 300.0])
def test_supported_digits_are_those_that_the_last_places_leave(noise: float) -> None:
    """Moved at random by up to half a unit of the last place, the worst coefficient moves by that much of itself."""
    rng = np.random.default_rng(3)
    x1 = rng.uniform(100, 200, size=40).round(1)
    X = np.column_stack([x1, (x1 + rng.normal(size=40)).round(2), rng.normal(size=40).round(3)])
    y = (X @ [2.0, -3.0, 40.0] + noise * rng.normal(size=40)).round(1)
    fit = fitted(X, y, "decimal")
    spread = spread_of_coef(X, y, np.array([0.1, 0.01, 0.001, 0.1]), rng)
    assert fit.supported_digits == pytest.approx(-np.log10(np.max(spread / np.abs(np.array(fit.coef, float)))), abs=0.1)


def test_doubles_support_what_their_last_bits_leave() -> None:
    """Filip's kind: a polynomial in rounded powers of 16 digits loses the five that its condition number has."""
    x = np.linspace(5, 10, 60)
    X = x[:, None] ** np.arange(1, 6)
    y = X @ [1.0, -2, 3, -4, 5] + np.random.default_rng(4).normal(size=60)
    fit = fitted(X, y)
    places = 2.0**-52 * np.sqrt((np.column_stack([X, y]) ** 2).mean(axis=0))
    assert fit.supported_digits is not None
    assert 10 < fit.supported_digits < 11
    moved = np.random.default_rng(5).uniform(-0.5, 0.5, size=(60, 6)) * places
    error = np.array(fitted(X + moved[:, :-1], y + moved[:, -1]).coef, float) / np.array(fit.coef, float) - 1
    assert 1e-3 < np.abs(error).max() / 10.0**-fit.supported_digits < 5


def test_whole_numbers_and_columns_exact_by_construction_support_all_digits() -> None:
    """Nothing was rounded: 15.95 digits are what a double holds."""
    X = np.random.default_rng(6).integers(0, 50, size=(20, 2)).astype(float)
    y = X @ [3.0, 4] + np.arange(20.0) % 3
    assert fitted(X, y).supported_digits == 15.95
    made = Terms(tuple(Term(f"x{j + 1}", ((j, 1),)) for j in range(2)), frozenset({0, 1}))
    assert fitted(X / 10, y, "decimal", terms=made).supported_digits == 15.95
    least = fitted(X / 10, y, "decimal").supported_digits
    assert least is not None
    assert 1 < least < 4


def test_more_places_support_more_digits() -> None:
    """A place more of everything is a digit more, near enough, until a double is full."""
    X = np.random.default_rng(7).normal(size=(30, 2))
    y = X @ [3.0, 4]
    digits = [fitted(X.round(places), y.round(places), "decimal").supported_digits or 0 for places in range(1, 13)]
    assert all(0.6 < after - before < 1.4 for before, after in pairwise(digits))


def test_a_coefficient_of_zero_does_not_count_and_one_lost_altogether_has_no_digits() -> None:
    """Zero has no leading digit. Two columns that agree but for their last places say nothing apart."""
    x = np.tile([-1.5, -0.5, 0.5, 1.5], 4)
    fit = fitted(np.column_stack([x, np.repeat([-1.5, -0.5, 0.5, 1.5], 4)]), (0.3 * x).round(2), "decimal")
    assert fit.coef == (0.3, 0.0)
    assert fit.supported_digits is not None
    assert fit.supported_digits > 1
    a = np.random.default_rng(8).normal(size=30).round(3)
    b = a + 0.001 * np.array([1, -1, 0] * 10)
    assert (fitted(np.column_stack([a, b.round(3)]), (a + np.arange(30)).round(2), "decimal").supported_digits or 0) < 0.5
    assert fitted(a[:, None], np.zeros(30), "decimal").supported_digits == 15.95


def test_without_features_no_digits_are_told() -> None:
    """The intercept is not looked at: it may be anything, far from the data."""
    fit = fitted(np.empty((4, 0)))
    assert (fit.supported_digits, fit.reasons["supported_digits"]) == (None, NO_FEATURES)
