"""What a fit promises: every figure is that of the exact solution, correctly rounded."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver import least_squares as module
from service.solver.errors import CoefficientOutOfRange, NoFeatures, RankDeficient, TooFewRows, UnknownColumn
from service.solver.least_squares import LeastSquares, RankPolicy, least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.rounding import TOO_LARGE
from tests.solver.exact_fit import as_read, assert_figures, exact_fit

Floats = NDArray[np.float64]


def fitted(
    X: Floats, y: Floats, numbers: Numbers = "float64", fit_intercept: bool = True, rank_deficient: RankPolicy = "error"
) -> LeastSquares:
    names = [f"x{1 + j}" for j in range(X.shape[1])]
    moments = Moments.of(np.column_stack([X, y]), (*names, "y"), numbers)
    return least_squares(moments, "y", names, fit_intercept, rank_deficient=rank_deficient)


def assert_exact(fit: LeastSquares, X: Floats, y: Floats, numbers: Numbers = "float64") -> None:
    """Compare every figure of a fit with the exact one, rounded by Python's fractions."""
    block = as_read(np.column_stack([X, y]), numbers)
    exact = exact_fit([row[:-1] for row in block], [row[-1] for row in block], fit.fit_intercept)
    assert_figures(fit, exact)


def hundredths(rows: int, columns: int, size: int = 300) -> st.SearchStrategy[Floats]:
    """Numbers of two decimals, (rows, columns)."""
    row = st.lists(st.integers(-size, size), min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(lambda values: np.array(values, float).reshape(rows, columns) / 100)


def full_rank(X: Floats) -> bool:
    return bool(np.linalg.matrix_rank(np.column_stack([np.ones(len(X)), X])) == 1 + X.shape[1])


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@given(y=hundredths(4, 1))
def test_four_rows_which_often_tie_are_rounded_to_even(numbers: Numbers, y: Floats) -> None:
    """Of such fits about one in ten has an exact figure midway between two doubles, or zero."""
    X = np.arange(4.0)[:, None]
    assert_exact(fitted(X, y[:, 0], numbers), X, y[:, 0], numbers)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@settings(max_examples=30)
@given(data=st.data(), p=st.integers(1, 7), spare=st.integers(0, 5))
def test_small_designs_are_exact_in_rationals_and_in_balls(
    numbers: Numbers, fit_intercept: bool, data: st.DataObject, p: int, spare: int
) -> None:
    """Four features are solved in rationals, five and more in balls: both round the exact solution."""
    block = data.draw(hundredths(p + 1 + spare, p + 1))
    X, y = block[:, :p], block[:, p]
    assume(full_rank(X) and np.linalg.matrix_rank(X) == p)
    assert_exact(fitted(X, y, numbers, fit_intercept), X, y, numbers)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), p=st.integers(1, 8), gap=st.integers(0, 12), offset=st.integers(0, 9))
def test_ill_conditioned_designs_are_exact_too(seed: int, p: int, gap: int, offset: int) -> None:
    """Columns that differ by 10**-gap of themselves, on an offset: float64 normal equations have no digit left."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(p + 6, 1)) + 10.0**-gap * rng.normal(size=(p + 6, p)) + 10.0**offset
    y = rng.normal(size=p + 6)
    assume(full_rank((X - X.mean(0)) * 10.0**gap))
    assert_exact(fitted(X, y, rank_deficient="allow"), X, y)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), low=st.integers(-100, 0), high=st.integers(0, 100))
def test_columns_of_any_scales_are_exact(seed: int, low: int, high: int) -> None:
    """Six columns from 10**low to 10**high are one problem, as exact as any."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 6)) * 10.0 ** np.linspace(low, high, 6)
    y = rng.normal(size=12)
    assert_exact(fitted(X, y), X, y)


def test_an_intercept_midway_between_two_doubles_goes_to_the_even_one() -> None:
    """The exact intercept is a tie that no precision of balls could decide."""
    X, y = np.arange(4.0)[:, None], np.array([1.16, 1.97, 1.52, 1.12])
    block = as_read(np.column_stack([X, y]), "float64")
    exact = exact_fit([row[:1] for row in block], [row[1] for row in block]).theta[0]
    neighbours = [Fraction(np.nextafter(float(exact), side)) for side in (-np.inf, np.inf)]

    assert exact in [(Fraction(float(exact)) + other) / 2 for other in neighbours]
    assert_exact(fitted(X, y), X, y)


@pytest.mark.parametrize("p", [1, 5])
def test_ties_and_zeros_that_balls_cannot_decide_are_decided_exactly(p: int) -> None:
    """Balanced designs: the exact coefficients are 0, or midway between doubles, at five features as at one."""
    X = np.array([[(-1.0) ** (row >> j) for j in range(p)] for row in range(2 ** (p + 1))])
    y = np.zeros(len(X))
    y[0], y[1] = 2.0**53 + 2, 1.0
    fit = fitted(X, y)
    assert_exact(fit, X, y)
    assert 0.0 in fitted(X, X[:, 0]).evaluation.hi


@pytest.mark.parametrize("p", [1, 3, 6])
def test_an_exact_line_has_no_residual_at_all(p: int) -> None:
    """Residuals and standard errors are 0, not 1e-17; the coefficients are the ones that made the line."""
    X = np.random.default_rng(3).integers(-50, 50, size=(40, p)).astype(float)
    fit = fitted(X, 3 + X @ np.arange(1.0, p + 1))

    assert (fit.intercept, fit.coef) == (3.0, tuple(np.arange(1.0, p + 1)))
    assert fit.std_error == (0.0,) * (p + 1)
    assert (fit.sigma, fit.mse, fit.rmse, fit.r2) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("p", [1, 5])
def test_a_constant_target_has_slopes_zero_and_no_r2(p: int) -> None:
    """0/0 is not a number: R² is missing and the reason is given."""
    fit = fitted(np.random.default_rng(4).normal(size=(9, p)), np.full(9, 0.1))

    assert (fit.intercept, fit.coef, fit.sigma) == (0.1, (0.0,) * p, 0.0)
    assert str(fit.intercept) == "0.1"
    assert all(str(value) == "0.0" for value in fit.coef), "zero is not negative"
    assert (fit.r2, fit.reasons["r2"]) == (None, module.CONSTANT_TARGET)


def test_a_target_of_zeros_without_an_intercept_has_no_r2() -> None:
    """Without an intercept R² is about 0, so that only zeros have nothing to explain."""
    fit = fitted(np.array([[1.0], [2.0]]), np.zeros(2), fit_intercept=False)
    assert (fit.r2, fit.reasons["r2"]) == (None, module.ZERO_TARGET)


@pytest.mark.parametrize("p", [1, 5])
def test_as_many_rows_as_coefficients_leave_no_standard_errors(p: int) -> None:
    """The fit goes through every row; how far it may be off cannot be said, and the reason is given."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(p + 1, p)), rng.normal(size=p + 1)
    fit = fitted(X, y)

    assert_exact(fit, X, y)
    assert (fit.df_resid, fit.mse, fit.r2) == (0, 0.0, 1.0)
    assert (fit.reasons["sigma"], fit.reasons["std_error"]) == (module.NO_DF, module.NO_DF)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_rows_than_coefficients_are_refused_with_both_numbers(n: int) -> None:
    """There would be many fits, and no reason to choose one."""
    with pytest.raises(TooFewRows, match=f"{n} rows for 3 coefficients"):
        fitted(np.ones((n, 2)), np.ones(n))


@pytest.mark.parametrize(
    ("columns", "fit_intercept", "rank", "dependent", "relations"),
    [
        ("a b a+2*b", True, 3, ("x3",), ("x3 = x1 + 2*x2",)),
        ("a b 3-a", True, 3, ("x3",), ("x3 = -x1 + 3",)),
        ("a a*0+7 b", True, 3, ("x2",), ("x2 = 7",)),
        ("a a*0+7 a*0+1", False, 2, ("x3",), ("x3 = 1/7*x2",)),
        ("a a*0", False, 1, ("x2",), ("x2 = 0",)),
        ("a b c d e a-b/4 b", True, 6, ("x6", "x7"), ("x6 = x1 - 0.25*x2", "x7 = x2")),
        ("a b c d e f 9*(a+b+c+d+e+f)+1", True, 7, ("x7",), ()),
    ],
)
def test_dependent_columns_are_named_with_their_relation(
    columns: str, fit_intercept: bool, rank: int, dependent: tuple[str, ...], relations: tuple[str, ...]
) -> None:
    """An exact combination is found exactly, a constant column included, and told in words that fit a line."""
    values = dict(zip("abcdef", np.random.default_rng(6).integers(-9, 9, size=(6, 30)) * 4.0, strict=True))
    X = np.column_stack([eval(column, {}, values) for column in columns.split()])  # noqa: S307

    with pytest.raises(RankDeficient) as refused:
        fitted(X, values["a"] ** 2, fit_intercept=fit_intercept)

    assert (refused.value.rank, refused.value.dependent, refused.value.relations) == (rank, dependent, relations)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)  # noqa: S301


def test_relations_are_in_the_numbers_as_read() -> None:
    """In decimals a tenth is a tenth, so that a sum of prices is a sum."""
    X = np.array([[0.1, 0.2, 0.3], [0.7, 0.1, 0.8], [0.5, 0.5, 1.0], [0.4, 0.3, 0.7], [1.5, 0.1, 1.6]])
    with pytest.raises(RankDeficient, match=r"rank 3; dependent: x3 = x1 \+ x2"):
        fitted(X, np.arange(5.0) ** 2, "decimal")


def test_without_features_the_mean_is_fitted() -> None:
    """The standard error of the mean is sigma / sqrt(n)."""
    y = np.array([0.1, 0.2, 0.4, 0.8])
    fit = fitted(np.empty((4, 0)), y)
    assert_exact(fit, np.empty((4, 0)), y)
    assert fit.r2 == 0.0


def test_nothing_to_fit_is_refused() -> None:
    """No features and no intercept leave no coefficient."""
    with pytest.raises(NoFeatures):
        fitted(np.empty((4, 0)), np.ones(4), fit_intercept=False)


def test_an_unknown_feature_is_refused_by_name() -> None:
    """The message names the column that is not there."""
    with pytest.raises(UnknownColumn, match="'z'"):
        least_squares(Moments.of(np.ones((3, 1)), ("y",)), "y", ["z"])


def test_a_coefficient_beyond_double_range_is_refused_by_name() -> None:
    """1e150 over the spacing of doubles near 1e-150 is 1e316."""
    with pytest.raises(CoefficientOutOfRange, match="'x1'"):
        fitted(
            np.array([[1e-150], [np.nextafter(1e-150, 1)], [1e-150]]), np.array([0.0, 1e150, 1e149]), rank_deficient="allow"
        )


def test_a_standard_error_beyond_double_range_is_missing_with_the_reason() -> None:
    """The slope exists; how far it may be off does not fit a double, while that of the intercept does."""
    x = np.array([1e-150, np.nextafter(1e-150, 1), 1e-150, np.nextafter(1e-150, 1)])
    fit = fitted(x[:, None], np.array([1e150, 1e150, -1e150, -1e150]), rank_deficient="allow")
    assert fit.coef == (0.0,)
    assert fit.std_error[0] is not None
    assert fit.std_error[1] is None
    assert fit.reasons == {"std_error": TOO_LARGE}


@pytest.mark.parametrize("p", [2, 6])
def test_the_same_rows_give_the_same_bits_however_their_sum_came_about(p: int) -> None:
    """Other units of the integers, other balls, the same figures, remainders included."""
    block = np.random.default_rng(7).normal(size=(30, p + 1)).round(2)
    names = tuple("abcdef"[:p])
    finer = np.vstack([block, np.full(p + 1, 2.0**-200)])
    whole = Moments.of(block, (*names, "y"))
    detour = Moments.of(finer, (*names, "y")) - Moments.of(finer[30:], (*names, "y"))

    assert least_squares(detour, "y", names) == least_squares(whole, "y", names)


def test_a_fit_pickles() -> None:
    """Workers are other processes."""
    fit = fitted(np.arange(5.0)[:, None], np.array([1.0, 0.0, 2.0, 1.0, 3.0]))
    assert pickle.loads(pickle.dumps(fit)) == fit  # noqa: S301
