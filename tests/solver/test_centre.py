"""What polynomials far from 0 promise: predictions, leverages and interval ends to 13 digits, about a centre of the data."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.centre import expanded
from service.solver.evaluation import predictions
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.leverage import Spread, intervals, leverages, spread
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.student import quantile
from service.solver.term_summation import TermSummation
from service.solver.term_values import Plan
from service.solver.terms import Base, Term, Terms, terms
from tests.solver.exact_fit import as_read, exact_fit
from tests.solver.exact_rows import design, exact_leverages, exact_terms, fraction, matrix, worst

Floats = NDArray[np.float64]
THIRTEEN_DIGITS = Fraction(1, 10**13)

STEPS = np.arange(40.0)
WAVES = np.sin(STEPS).round(3)
FAR = np.array([1000.0, 50.0, 0.0]) + np.random.default_rng(0).integers(-1999, 1999, size=(60, 3)) / 1000
NOISE = np.random.default_rng(1).integers(-999, 999, size=60) / 1000
DESIGNS: dict[str, tuple[Floats, Floats, int, bool]] = {
    **{f"years to the {degree}": ((1950 + STEPS)[:, None], WAVES, degree, False) for degree in (1, 2, 3, 5, 9, 12)},
    **{f"hours of Unix time to the {degree}": ((1.5e9 + 3600 * STEPS)[:, None], WAVES, degree, False) for degree in (2, 5, 7)},
    **{f"seconds of Unix time to the {degree}": ((1.7e9 + STEPS / 4)[:, None], WAVES, degree, False) for degree in (1, 3, 7)},
    "products": (FAR, NOISE, 1, True),
    "products of squares": (FAR, NOISE, 3, True),
    "the twentieth power of a share": ((STEPS / 64)[:, None], WAVES, 20, False),
    "a parabola as if of degree 9": ((1950 + STEPS)[:, None], (STEPS - 20) ** 2, 9, False),
    "an even function": ((1950 + STEPS)[:, None], np.abs(STEPS - 19.5), 6, False),
}


def summed(X: Floats, y: Floats, made: tuple[Term, ...], numbers: Numbers) -> Moments:
    names = [f"x{j}" for j in range(X.shape[1])]
    summation = TermSummation(names, made, "y", numbers)
    summation.add(np.column_stack([X, y]))
    return summation.result()


def terms_of(X: Floats, degree: int, interactions: bool = False) -> tuple[Term, ...]:
    return terms([Base(f"x{j}") for j in range(X.shape[1])], degree, interactions)


def fitted(moments: Moments, made: tuple[Term, ...], fit_intercept: bool = True, **options: Any) -> LeastSquares:
    options = {"rank_deficient": "allow"} | options
    return least_squares(moments, "y", [term.name for term in made], fit_intercept, terms=Terms(made), **options)


def spread_of(moments: Moments, made: tuple[Term, ...], fit_intercept: bool = True) -> Spread:
    return spread(moments, "y", [term.name for term in made], fit_intercept, Terms(made))


def rows_between(X: Floats) -> Floats:
    """The rows, and others in between, of up to 15 digits."""
    rows = np.vstack(
        [X, (X[:-1] + X[1:]) / 2, np.random.default_rng(1).uniform(X.min(axis=0), X.max(axis=0), (9, X.shape[1]))]
    )
    return np.array([[float(f"{value:.15g}") for value in row] for row in rows])


def rows_exactly(X: Floats, made: tuple[Term, ...], numbers: Numbers, fit_intercept: bool = True) -> fmpq_mat:
    return design(exact_terms(as_read(X, numbers), made), fit_intercept)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("name", DESIGNS)
def test_predictions_leverages_and_interval_ends_have_13_digits_at_rows_and_between(name: str, numbers: Numbers) -> None:
    """In powers of x itself, hours of Unix time to the 7 would have none, even in twice the digits of doubles.

    Ends are right to so much of the prediction or of the half width, whichever is larger.
    """
    X, y, degree, interactions = DESIGNS[name]
    made = terms_of(X, degree, interactions)
    moments, rows = summed(X, y, made, numbers), rows_between(X)
    fit = fitted(moments, made)
    exact, among = rows_exactly(rows, made, numbers), rows_exactly(X, made, numbers)
    target = matrix(as_read(y[:, None], numbers))
    theta = (among.transpose() * among).solve(among.transpose() * target)
    expected, h = (exact * theta).entries(), exact_leverages(exact, among)

    values, leverage = (
        predictions(fit.evaluation, rows, numbers, Plan.of(made, rows.shape[1])),
        leverages(spread_of(moments, made), rows, numbers),
    )

    assert worst(values, [fraction(value) for value in expected]) <= THIRTEEN_DIGITS
    assert worst(leverage, h) <= THIRTEEN_DIGITS
    residuals = (target - among * theta).entries()
    variance = sum((r * r for r in residuals), fmpq(0)) / fit.df_resid
    assert fit.sigma is not None
    ends = np.array(intervals(values, leverage, fit.sigma, fit.df_resid, 0.9, "confidence"))
    with precision(200):
        for got, centre, share in zip(ends.T.tolist(), expected, h, strict=True):
            half = arb(quantile(fit.df_resid, 0.9)) * arb(variance * fmpq(share.numerator, share.denominator)).sqrt()
            for end, sign in zip(got, (-1, 1), strict=True):
                assert abs(arb(end) - (arb(centre) + sign * half)) <= arb("1e-13") * arb(centre).max(-arb(centre)).max(half)


@pytest.mark.parametrize("degree", [3, 7])
def test_without_an_intercept_they_have_them_too(degree: int) -> None:
    """The same polynomial has a constant about the centre, which the fit did not have."""
    X = (1950 + STEPS)[:, None]
    made = terms_of(X, degree)
    moments, rows = summed(X, WAVES, made, "decimal"), rows_between(X)
    exact, among = (rows_exactly(block, made, "decimal", fit_intercept=False) for block in (rows, X))
    theta = (among.transpose() * among).solve(among.transpose() * matrix(as_read(WAVES[:, None], "decimal")))
    fit = fitted(moments, made, fit_intercept=False)
    assert fit.evaluation.centre
    expected = [fraction(value) for value in (exact * theta).entries()]
    assert worst(predictions(fit.evaluation, rows, "decimal", Plan.of(made, rows.shape[1])), expected) <= THIRTEEN_DIGITS
    leverage = leverages(spread_of(moments, made, fit_intercept=False), rows, "decimal")
    assert worst(leverage, exact_leverages(exact, among)) <= THIRTEEN_DIGITS


@pytest.mark.parametrize(
    ("options", "exactly"),
    [
        ({"l2": 0.5}, {"l2": Fraction(1, 2)}),
        ({"l2": 1e-9}, {"l2": Fraction(1, 10**9)}),
        ({"rank_deficient": "minimum_norm"}, {"minimum_norm": True}),
    ],
)
def test_penalised_and_shortest_fits_predict_as_right(options: dict[str, Any], exactly: dict[str, Any]) -> None:
    """Whatever the coefficients are, their polynomial is evaluated about the centre."""
    X = (1950 + 10 * (STEPS[:12] % 4))[:, None]
    y = WAVES[:12]
    made = terms_of(X, 5)
    fit = fitted(summed(X, y, made, "decimal"), made, **options)
    assert fit.evaluation.centre
    found = exact_fit(exact_terms(as_read(X, "decimal"), made), [row[0] for row in as_read(y[:, None], "decimal")], **exactly)
    assert fit.theta.hi == tuple(map(float, found.theta))
    rows = rows_between(X)
    theta = matrix([[value] for value in found.theta])
    expected = [fraction(value) for value in (rows_exactly(rows, made, "decimal") * theta).entries()]
    assert worst(predictions(fit.evaluation, rows, "decimal", Plan.of(made, rows.shape[1])), expected) <= THIRTEEN_DIGITS


def test_dropped_terms_leave_13_digits() -> None:
    """Four years tell a cubic. A total is dropped, but not its products with the parts, whose squares are no terms."""
    a, b = 10.0**6 + np.random.default_rng(2).integers(0, 99, size=(2, 40)) / 8
    for X, degree in (((1950 + 10 * (STEPS % 4))[:, None], 6), (np.column_stack([a, b, a + b]), 1)):
        made = terms_of(X, degree, interactions=True)
        moments = summed(X, WAVES, made, "decimal")
        fit = fitted(moments, made, rank_deficient="drop")
        kept = tuple(term for term in made if term.name not in fit.dropped)
        assert fit.dropped == (("x0^4", "x0^5", "x0^6") if degree > 1 else ("x2",))
        assert fit.evaluation.centre
        rows = rows_between(X)
        exact, among = rows_exactly(rows, kept, "decimal"), rows_exactly(X, kept, "decimal")
        theta = (among.transpose() * among).solve(among.transpose() * matrix(as_read(WAVES[:, None], "decimal")))
        expected = [fraction(value) for value in (exact * theta).entries()]
        assert worst(predictions(fit.evaluation, rows, "decimal", Plan.of(made, rows.shape[1])), expected) <= THIRTEEN_DIGITS
        parts = spread(moments, "y", [term.name for term in kept], True, Terms(made))
        assert worst(leverages(parts, rows, "decimal"), exact_leverages(exact, among)) <= THIRTEEN_DIGITS


def test_what_is_near_zero_has_no_centre_and_keeps_its_digits() -> None:
    """x^5 for x of 0.001 to 1000 is 1e-15 to 1e15: about a centre the least of them would be lost."""
    X = np.array([[float(f"1e{exponent}")] for exponent in range(-3, 4)])
    y = np.array([float(f"1e{5 * exponent}") for exponent in range(-3, 4)])
    made = terms_of(X, 5)
    fit = fitted(summed(X, y, made, "decimal"), made)
    assert fit.coef == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert fit.evaluation == fit.theta
    assert predictions(fit.evaluation, X, "decimal", Plan.of(made, X.shape[1])).tolist() == y.tolist()


def test_the_reported_coefficients_are_those_of_the_terms_as_they_are() -> None:
    """The centre is for predictions alone."""
    X = (1950 + STEPS)[:, None]
    made = terms_of(X, 4)
    moments = summed(X, WAVES, made, "decimal")
    fit, plain = fitted(moments, made), least_squares(moments, "y", [term.name for term in made], rank_deficient="allow")
    assert (fit.intercept, *fit.coef) == fit.theta.hi == plain.evaluation.hi
    assert fit.evaluation.centre == (1968.0,)


def test_the_same_rows_have_the_same_centre_in_whatever_units_they_were_summed() -> None:
    """Units are how the sums came about."""
    X = (1950 + STEPS)[:, None]
    made = terms_of(X, 5)
    moments, passing = summed(X, WAVES, made, "decimal"), summed(X[:1] + 0.001, WAVES[:1] + 0.00001, made, "decimal")
    finer = moments + passing - passing
    assert finer.units != moments.units
    assert fitted(finer, made) == fitted(moments, made)
    one, other = spread_of(finer, made), spread_of(moments, made)
    assert np.array_equal(one.factor, other.factor)
    assert np.array_equal(one.mean, other.mean)


@settings(max_examples=30)
@given(
    degree=st.integers(1, 4),
    interactions=st.booleans(),
    centre=st.lists(st.sampled_from([0.0, 1.5, -2.25, 1e9]), min_size=3, max_size=3),
    x=st.lists(st.integers(-50, 50), min_size=3, max_size=3),
)
def test_terms_about_a_centre_are_the_same_polynomials(
    degree: int, interactions: bool, centre: list[float], x: list[int]
) -> None:
    """Exactly, for categories too, which have no powers."""
    bases = [Base("a"), Base("b"), Base("c=d", group="c")]
    made = terms(bases, degree, interactions)
    centre[2] = 0.0
    values = exact_terms([[Fraction(value) for value in x]], made)[0]
    shifted = exact_terms([[value - Fraction(about) for value, about in zip(x, centre, strict=True)]], made)[0]
    for value, row in zip(values, expanded(Terms(made), centre), strict=True):
        assert value == sum((fraction(weight) * [Fraction(1), *shifted][place] for place, weight in row.items()), Fraction(0))
