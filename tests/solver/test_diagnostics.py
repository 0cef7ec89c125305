"""What diagnostics promise: those of exact arithmetic, row by row and of all, for any columns, weights, pieces and order."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from service.solver.collinearity import variance_inflation
from service.solver.diagnostics import Fit, RowDiagnostics, row_diagnostics
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.leverage import spread
from service.solver.moments import Moments
from service.solver.quantiles import Held
from service.solver.reading import Numbers
from service.solver.residual_summary import MOST_HELD, QUARTILES, SAME, SAME_SQUARES, Gathering, ResidualSummary
from service.solver.term_summation import TermSummation
from service.solver.term_values import Plan
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import design, exact_terms, fraction, matrix

Floats = NDArray[np.float64]
Cuts = tuple[NDArray[np.int64], ...]


class Case:
    """Rows, their fit, and the diagnostics of both kinds."""

    def __init__(
        self, X: Floats, y: Floats, weights: Floats | None = None, repeated: bool = False, degree: int = 1,
        numbers: Numbers = "float64", fit_intercept: bool = True,
    ) -> None:  # fmt: skip
        self.X, self.y, self.weights, self.repeated, self.numbers = X, y, weights, repeated, numbers
        self.fit_intercept = fit_intercept
        bases = tuple(Base(f"x{j}") for j in range(X.shape[1]))
        self.made_of = Terms(terms(bases, degree))
        summation = TermSummation(
            [base.name for base in bases], self.made_of.each, "y", numbers, None if weights is None else "w",
            "frequency" if repeated else "precision",
        )  # fmt: skip
        summation.add(np.column_stack([X, y] if weights is None else [X, y, weights]))
        self.moments: Moments = summation.result()
        self.names = tuple(term.name for term in self.made_of.each)
        found: LeastSquares = least_squares(self.moments, "y", self.names, fit_intercept, terms=self.made_of)
        self.least_squares = found
        made_of = self.made_of if self.made_of.has_products else None
        self.fit = Fit(
            evaluation=found.evaluation, numbers=numbers, plan=None if made_of is None else Plan.of(made_of.each, X.shape[1]),
            spread=spread(self.moments, "y", self.names, fit_intercept, made_of), sigma=found.sigma, df_resid=found.df_resid,
            rank=found.rank, is_exact=found.rmse == 0, is_repeated=repeated,
        )  # fmt: skip

    def rows(self) -> RowDiagnostics:
        return row_diagnostics(self.fit, self.X, self.y, self.weights)

    def summary(self, cuts: Cuts = (), reasons: dict[str, str] | None = None) -> ResidualSummary:
        """Args: cuts: the rows of each piece."""
        assert self.least_squares.rmse is not None
        weight = float(len(self.y) if self.weights is None else self.weights.sum())
        gathering = Gathering(self.fit, self.least_squares.rmse, weight, len(self.y), reasons or {})
        for rows in cuts or (np.arange(len(self.y)),):
            weights = None if self.weights is None else self.weights[rows]
            gathering.add(row_diagnostics(self.fit, self.X[rows], self.y[rows], weights), weights, rows)
        return gathering.result()


class Exact:
    """The same in rationals, by the formulas as they are written; of repeated rows, each is a row."""

    def __init__(self, case: Case) -> None:
        X, y = as_read(case.X, case.numbers), [row[0] for row in as_read(case.y[:, None], case.numbers)]
        w = (
            [Fraction(1)] * len(y)
            if case.weights is None
            else [row[0] for row in as_read(case.weights[:, None], case.numbers)]
        )
        self.first = list(range(len(y)))  # where each row of the case is among these
        if case.repeated:
            times = [int(value) for value in w]
            self.first = [sum(times[:i]) for i in range(len(y))]
            X = [row for row, n in zip(X, times, strict=True) for _ in range(n)]
            y = [value for value, n in zip(y, times, strict=True) for _ in range(n)]
            w = [Fraction(1)] * len(y)
        self.w, self.rows = w, design(exact_terms(X, case.made_of.each), case.fit_intercept)
        n, c = self.rows.nrows(), self.rows.ncols()
        self.n, self.c = n, c
        W = [fmpq(value.numerator, value.denominator) for value in w]
        weighted = fmpq_mat(n, c, [self.rows[i, j] * W[i] for i in range(n) for j in range(c)])
        self.inverse = (self.rows.transpose() * weighted).inv()
        hat = self.rows * self.inverse * weighted.transpose()
        self.e = self.left(y)
        self.h = [fraction(hat[i, i]) for i in range(n)]
        self.variance = sum((a * e * e for a, e in zip(w, self.e, strict=True)), Fraction(0)) / (n - c)

    def left(self, y: list[Fraction]) -> list[Fraction]:
        """What the terms leave of some targets."""
        n, c = self.n, self.c
        weighted = fmpq_mat(
            c, n, [self.rows[i, j] * fmpq(w.numerator, w.denominator) for j in range(c) for i, w in enumerate(self.w)]
        )
        targets = matrix([[value] for value in y])
        left = targets - self.rows * (self.inverse * (weighted * targets))
        return [fraction(left[i, 0]) for i in range(n)]

    def breusch_pagan(self) -> tuple[float, float]:
        squares = [e * e for e in self.e]
        mean = sum(squares) / self.n
        total = sum((value - mean) ** 2 for value in squares)
        r2 = 1 - sum(value * value for value in self.left(squares)) / total
        return float(self.n * r2), float(r2 / (self.c - 1) / ((1 - r2) / (self.n - self.c)))

    def jarque_bera(self) -> tuple[float, float, float]:
        """The statistic, skew and kurtosis, of residuals as they are with even weights."""
        mean = sum(self.e) / self.n
        second, third, fourth = (sum((e - mean) ** k for e in self.e) / self.n for k in (2, 3, 4))
        skew, kurtosis = float(third) / float(second) ** 1.5, fourth / second**2
        return self.n / 6 * (skew**2 + float((kurtosis - 3) ** 2) / 4), skew, float(kurtosis)


def case_of(kind: str, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    n = 23
    X = rng.integers(-999, 999, size=(n, 3)) / 8
    y = X[:, 0] - X[:, 1] + rng.integers(-999, 999, size=n) / 64 * (1 + np.abs(X[:, 2]))
    weights = rng.integers(1, 5, size=n).astype(np.float64)
    common = rng.integers(-999, 999, size=(n, 1)) / 8
    made = {
        "plain": lambda: Case(X, y),
        "far and near each other": lambda: Case(10.0**6 + common + X / 2**20, y),
        "degree 2": lambda: Case(X[:, :2] + 1000, y, degree=2),
        "decimal": lambda: Case((X / 10 + 0.1).round(3), (y / 10).round(2), numbers="decimal"),
        "indicators": lambda: Case(np.column_stack([X[:, 0], np.arange(n) % 3 == 1, np.arange(n) % 3 == 2]), y),
        "no intercept": lambda: Case(X, y + 50, fit_intercept=False),
        "precision": lambda: Case(X, y, weights / 16 + X[:, 0] ** 2),
        "frequency": lambda: Case(X, y, weights, repeated=True),
    }
    return made[kind]()


KINDS = ["plain", "far and near each other", "degree 2", "decimal", "indicators", "no intercept", "precision", "frequency"]


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_exact_arithmetic(kind: str, seed: int) -> None:
    """To 13 digits: residuals, leverages, studentised both ways, and Cook's distances; a row that is repeated is one of them."""
    case = case_of(kind, seed)
    exact, found = Exact(case), case.rows()
    df = exact.n - exact.c
    for i, place in enumerate(exact.first):
        e, h, w = exact.e[place], exact.h[place], exact.w[place]
        square = w * e * e / exact.variance / (1 - h)
        sign = -1 if e < 0 else 1
        assert found.residual[i] == pytest.approx(float(e), rel=1e-13)
        assert found.leverage[i] == pytest.approx(float(h), rel=1e-13)
        assert found.fitted[i] == pytest.approx(float(as_read(case.y[i : i + 1, None], case.numbers)[0][0] - e), rel=1e-15)
        assert found.std_residual[i] == pytest.approx(sign * sqrt(square), rel=1e-13)
        assert found.studentized_residual[i] == pytest.approx(sign * sqrt(square * (df - 1) / (df - square)), rel=1e-12)
        assert found.cooks_distance[i] == pytest.approx(float(square * h / (1 - h) / exact.c), rel=1e-13)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_is_that_of_exact_arithmetic(kind: str, seed: int) -> None:
    """To 12 digits; figures that are of the residuals as they would be with even weights have those."""
    case = case_of(kind, seed)
    exact, found = Exact(case), case.summary(reasons={} if case.fit_intercept else {"breusch_pagan": "no intercept"})
    total = sum(exact.w)
    left_out = sum(w * (e / (1 - h)) ** 2 for w, e, h in zip(exact.w, exact.e, exact.h, strict=True))
    assert found.press == pytest.approx(float(left_out), rel=1e-13)
    assert found.rmse_loo == pytest.approx(sqrt(left_out / total), rel=1e-13)
    assert found.max_leverage == pytest.approx(float(max(exact.h)), rel=1e-13)
    assert found.mae == pytest.approx(float(sum(w * abs(e) for w, e in zip(exact.w, exact.e, strict=True)) / total), rel=1e-13)
    quartiles = np.quantile(np.array(exact.e, np.float64), [float(share) for share in QUARTILES.values()])
    assert list((found.residual or {}).values()) == pytest.approx(quartiles.tolist(), rel=1e-13)
    if kind == "precision":
        exact.e = [Fraction(float(e) * sqrt(w)) for e, w in zip(exact.e, exact.w, strict=True)]
    else:
        steps = [(b - a) ** 2 for a, b in zip(exact.e, exact.e[1:], strict=False)]
        assert (found.durbin_watson is None) == (kind == "frequency")
        if found.durbin_watson is not None:
            assert found.durbin_watson == pytest.approx(float(sum(steps) / sum(e * e for e in exact.e)), rel=1e-13)
    statistic, skew, kurtosis = exact.jarque_bera()
    normal = found.jarque_bera
    assert normal is not None
    assert (normal.skew, normal.kurtosis) == pytest.approx((skew, kurtosis), rel=1e-12, abs=1e-13)
    assert normal.statistic == pytest.approx(statistic, rel=1e-11)
    assert normal.p_value == pytest.approx(special.chdtrc(2, statistic), rel=1e-10)
    assert (found.breusch_pagan is None) == (kind in ("precision", "no intercept"))
    if found.breusch_pagan is not None:
        lm, f = exact.breusch_pagan()
        even = found.breusch_pagan
        assert (even.lm, even.f) == pytest.approx((lm, f), rel=1e-11)
        assert even.lm_p_value == pytest.approx(special.chdtrc(exact.c - 1, lm), rel=1e-10)
        assert even.f_p_value == pytest.approx(special.fdtrc(exact.c - 1, exact.n - exact.c, f), rel=1e-10)
    assert found.reasons.keys() == {name for name in ("durbin_watson", "breusch_pagan") if getattr(found, name) is None}


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("kind", KINDS)
def test_variance_inflation_is_that_of_each_terms_regression_on_the_others(kind: str, seed: int) -> None:
    """1 / (1 - R²), to the last digit even where it is 1e12; about 0 without an intercept, and by weight."""
    case = case_of(kind, seed)
    exact = Exact(case)
    found = variance_inflation(case.moments, "y", case.names, case.fit_intercept)
    assert found is not None
    for j, value in enumerate(found):
        place = j + case.fit_intercept
        column = [fraction(exact.rows[i, place]) for i in range(exact.n)]
        mean = sum(w * x for w, x in zip(exact.w, column, strict=True)) / sum(exact.w) * case.fit_intercept
        square = sum(w * (x - mean) ** 2 for w, x in zip(exact.w, column, strict=True))
        assert value == pytest.approx(float(square * fraction(exact.inverse[place, place])), rel=1e-15)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), first=st.integers(1, 11), second=st.integers(12, 22))
@pytest.mark.parametrize("kind", KINDS)
def test_neither_pieces_nor_order_change_a_bit(kind: str, seed: int, first: int, second: int) -> None:
    """But for Durbin and Watson's statistic, which is of the order of rows."""
    case = case_of(kind, seed)
    rows = np.arange(len(case.y))
    found, cut = case.summary(), case.summary((rows[:first], rows[first:second], rows[second:second], rows[second:]))
    assert found == cut
    order = np.random.default_rng(seed).permutation(len(rows))
    mixed = case.summary((order[:first], order[first:]))
    for name in ("residual", "mae", "breusch_pagan", "jarque_bera", "press", "rmse_loo", "max_leverage"):
        assert getattr(mixed, name) == getattr(found, name)


def test_press_is_what_fits_without_each_row_are_off() -> None:
    """Made so, row by row, of degree 2 and with weights: the same to 12 digits."""
    rng = np.random.default_rng(3)
    x, w = rng.integers(-99, 99, size=(15, 1)) / 8, rng.integers(1, 9, size=15) / 4
    y = x[:, 0] ** 2 + rng.integers(-99, 99, size=15) / 8
    total = 0.0
    for i in range(15):
        others = np.arange(15) != i
        without = Case(x[others], y[others], w[others], degree=2)
        off = row_diagnostics(without.fit, x[i : i + 1], y[i : i + 1], w[i : i + 1]).residual[0]
        total += w[i] * off**2
    assert Case(x, y, w, degree=2).summary().press == pytest.approx(total, rel=1e-12)


def test_a_row_that_its_own_coefficient_fits_has_no_studentised_residual() -> None:
    """Its leverage is exactly 1; left out it cannot be predicted, so there is no PRESS either, and the row is named."""
    X = np.column_stack([np.arange(9.0), np.arange(9) == 6])
    case = Case(X, np.arange(9.0) ** 2)
    rows, found = case.rows(), case.summary()
    assert rows.leverage[6] == 1.0
    assert all(np.isnan(part[6]) for part in (rows.std_residual, rows.studentized_residual, rows.cooks_distance))
    assert np.isfinite(np.delete(rows.studentized_residual, 6)).all()
    assert (found.press, found.rmse_loo, found.max_leverage) == (None, None, 1.0)
    assert all("row 6 " in found.reasons[name] for name in ("press", "rmse_loo", "r2_pred"))


def test_a_row_without_which_the_fit_is_exact_has_no_external_sigma() -> None:
    """R divides by the rounding of a difference; here the figure is not there."""
    x = np.arange(9.0)
    y = 1 + 2 * x
    y[4] += 1.0
    rows = Case(x[:, None], y).rows()
    assert np.isnan(rows.studentized_residual[4])
    assert np.isfinite(np.delete(rows.studentized_residual, 4)).all()
    assert np.isfinite(rows.std_residual).all()


def test_an_exact_fit_leaves_nothing_to_test() -> None:
    """Residuals are 0, not the rounding of thirds, and so are mae and PRESS."""
    x = np.arange(6.0)
    found = Case(x[:, None] * 3, x).summary()
    assert found.residual == dict.fromkeys(QUARTILES, 0.0)
    assert (found.mae, found.press) == (0.0, 0.0)
    assert found.reasons.keys() == {"durbin_watson", "breusch_pagan", "jarque_bera"}


def test_residuals_or_squares_that_do_not_vary_are_not_tested() -> None:
    """Of +1 and -1 the squares are all 1, so nothing can explain how they differ; of equal ones there is no skew."""
    x = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])
    balanced = Case(x[:, None] / 3, x + np.tile([1.0, -1.0], 3)).summary()
    assert (balanced.breusch_pagan, balanced.reasons["breusch_pagan"]) == (None, SAME_SQUARES)
    assert balanced.jarque_bera is not None
    assert balanced.jarque_bera.kurtosis == pytest.approx(1.0, rel=1e-13)
    even = Case(np.array([[1.0], [-1.0], [0.0]]), np.ones(3), fit_intercept=False).summary(reasons={"breusch_pagan": ""})
    assert (even.jarque_bera, even.reasons["jarque_bera"]) == (None, SAME)


@pytest.mark.parametrize("size", [1e-140, 1e-60, 1.0, 1e60, 1e140])
def test_sizes_of_targets_and_weights_change_no_figure_that_has_no_unit(size: float) -> None:
    """Fourth powers of 1e140 exceed a double, and those of 1e-140 are nothing; a power of 4 leaves every bit as it is."""
    unit = 4.0 ** round(np.log2(size) / 2)
    case = case_of("precision", 4)
    assert case.weights is not None
    plain, large = case.summary(), Case(case.X, case.y * unit / 4096, case.weights / unit * 4096).summary()
    assert (large.durbin_watson, large.jarque_bera) == (plain.durbin_watson, plain.jarque_bera)
    assert large.mae == pytest.approx((plain.mae or 0.0) * unit / 4096, rel=1e-14)


def test_more_residuals_than_are_held_have_no_quartiles() -> None:
    """Memory is bounded: what was held is let go."""
    held = Held(3)
    held.add(np.array([3.0, 1.0, 2.0]), None)
    assert held.quantiles(list(QUARTILES.values())) == [1.0, 1.5, 2.0, 2.5, 3.0]
    held.add(np.array([4.0]), None)
    held.add(np.array([4.0]), None)
    assert held.quantiles(list(QUARTILES.values())) is None
    assert MOST_HELD * 8 <= 1 << 25
