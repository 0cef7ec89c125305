"""What leverages and intervals promise: those of exact arithmetic, for any columns, weights and terms."""

import copy
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from flint import fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import NoFeatures, RankDeficient, TooFewRows
from service.solver.leverage import intervals, leverages, spread
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.term_summation import TermSummation
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import design, exact_leverages, exact_terms, near_columns, worst

Floats = NDArray[np.float64]
TOLERANCE = Fraction(1, 10**14)


def names(p: int) -> list[str]:
    return [f"x{j}" for j in range(p)]


def moments(X: Floats, numbers: Numbers = "float64") -> Moments:
    return Moments.of(np.column_stack([X, np.arange(len(X)) ** 2.0]), (*names(X.shape[1]), "y"), numbers)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    p=st.integers(1, 15),
    gap=st.integers(0, 9),
    offset=st.sampled_from([0, 10**9]),
    fit_intercept=st.booleans(),
)
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_leverages_are_those_of_exact_arithmetic(
    numbers: Numbers, seed: int, p: int, gap: int, offset: int, fit_intercept: bool
) -> None:
    """Columns far from zero, and within 1e-9 of each other; of the rows of the fit and of others."""
    X = near_columns(seed, p, gap, offset)
    try:
        made = spread(moments(X[:-3], numbers), "y", names(p), fit_intercept)
    except RankDeficient:
        return
    exact = design(as_read(X, numbers), fit_intercept)
    fitted = fmpq_mat(exact.tolist()[:-3])
    assert worst(leverages(made, X, numbers), exact_leverages(exact, fitted)) <= TOLERANCE


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_leverages_of_terms_and_weights_are_those_of_exact_arithmetic(numbers: Numbers, fit_intercept: bool) -> None:
    """As x' (X'WX)^-1 x, with products of columns among the x."""
    rng = np.random.default_rng(5)
    X = rng.normal(20, 1, size=(40, 3)).round(3)
    weights = rng.integers(1, 50, size=40) / 10
    made = terms([Base(name) for name in names(3)], 2, interactions=True)
    summed = TermSummation(names(3), made, "y", numbers, "w")
    summed.add(np.column_stack([X, X[:, 0], weights]))
    parts = spread(summed.result(), "y", [term.name for term in made], fit_intercept, Terms(made))
    exact = design(exact_terms(as_read(X, numbers), made), fit_intercept)
    expected = exact_leverages(exact, exact, [row[0] for row in as_read(weights[:, None], numbers)])
    assert worst(leverages(parts, X, numbers), expected) <= TOLERANCE


def test_columns_at_right_angles_and_of_any_size_have_leverages() -> None:
    """Entries of the factor that are exactly 0 are decided; squares of 1e150 are doubles, and of 1e-150 too."""
    X = np.array([[a * 1e150, b * 1e-150, c * 3.0] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    made = spread(moments(X), "y", names(3), True)
    assert made.factor[0][1, 0] == made.factor[0][2, 0] == 0
    assert leverages(made, X, "float64") == pytest.approx([0.5] * 8, rel=1e-14)


def test_rows_are_their_own() -> None:
    """How rows are cut into blocks does not change a bit."""
    X = np.random.default_rng(6).normal(size=(300, 9))
    made = spread(moments(X), "y", names(9), True)
    whole = leverages(made, X, "float64")
    assert np.array_equal(whole, np.concatenate([leverages(made, X[[i]], "float64") for i in range(300)]))
    assert whole.sum() == pytest.approx(10, rel=1e-14)


def test_the_same_rows_give_the_same_parts_in_whatever_units_they_were_summed() -> None:
    """Units are how the sums came about."""
    X = np.random.default_rng(7).integers(-999, 999, size=(30, 14)) / 16
    apart = moments(X[:10].round(), "decimal") + moments(X[10:], "decimal")
    passing = moments(X[:1] + 1 / 1024, "decimal")
    finer = apart + passing - passing
    assert finer.units != apart.units
    a, b = (spread(one, "y", names(14), True) for one in (apart, finer))
    assert np.array_equal(a.factor, b.factor)
    assert np.array_equal(a.mean, b.mean)


def test_an_intercept_alone_has_the_leverage_of_a_mean() -> None:
    """One n-th for every row, and a copy, as another process gets, says the same."""
    made = copy.deepcopy(spread(moments(np.ones((8, 1))), "y", [], True))
    assert leverages(made, np.empty((3, 0)), "float64").tolist() == [0.125] * 3


def test_what_has_no_fit_has_no_leverages() -> None:
    """Refused as the fit is."""
    X = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [5.0, 10.0]])
    with pytest.raises(RankDeficient) as refused:
        spread(moments(X), "y", names(2), True)
    assert refused.value.dependent == ("x1",)
    with pytest.raises(NoFeatures):
        spread(moments(X), "y", [], False)
    with pytest.raises(TooFewRows):
        spread(moments(X[:2]), "y", names(2), True)


def test_a_row_beyond_doubles_is_infinitely_far() -> None:
    """Never NaN, and no warning."""
    made = spread(moments(np.array([[1e-150], [2e-150], [4e-150]])), "y", names(1), True)
    assert np.isinf(leverages(made, np.array([[1e150]]), "float64")).all()


def test_intervals_widen_with_leverage_and_a_new_observation_adds_its_own_noise() -> None:
    """Two degrees of freedom: the 95% quantile has a closed form."""
    t = 0.95 * sqrt(2 / (1 - 0.95**2))
    centre, h = np.array([1.0, -3.0]), np.array([0.25, 1.0])
    lower, upper = intervals(centre, h, 0.5, 2, 0.95, "confidence")
    assert upper - centre == pytest.approx([t * 0.25, t * 0.5], rel=1e-14)
    assert centre - lower == pytest.approx([t * 0.25, t * 0.5], rel=1e-14)
    lower, upper = intervals(centre, h, 0.5, 2, 0.95, "prediction")
    assert upper - centre == pytest.approx([t * 0.5 * sqrt(1.25), t * 0.5 * sqrt(2)], rel=1e-14)


def test_an_exact_fit_has_intervals_of_no_width() -> None:
    """Even at an infinite leverage."""
    centre = np.array([1.0, 2.0])
    lower, upper = intervals(centre, np.array([0.5, np.inf]), 0.0, 3, 0.95, "prediction")
    assert lower.tolist() == upper.tolist() == [1.0, 2.0]
