"""What figures of a fit as a whole promise: the exact ones, correctly rounded, whatever the fit; and R's digits."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.glance import EXACT, LIKELIHOOD, UNBOUNDED
from service.solver.hypotheses import upper_tail
from service.solver.least_squares import (
    CONSTANT_TARGET,
    NO_DF,
    NO_FEATURES,
    PENALISED,
    ZERO_TARGET,
    LeastSquares,
    RankPolicy,
    least_squares,
)
from service.solver.moments import Moments
from tests.solver.exact_fit import ExactFit, as_read, exact_fit

Floats = NDArray[np.float64]
NAMES = ("r2_adj", "f_statistic", *LIKELIHOOD)


def fitted(X: Floats, y: Floats, fit_intercept: bool = True, policy: RankPolicy = "error", l2: float = 0.0) -> LeastSquares:
    names = [f"x{1 + j}" for j in range(X.shape[1])]
    moments = Moments.of(np.column_stack([X, y]), (*names, "y"), "decimal")
    return least_squares(moments, "y", names, fit_intercept, rank_deficient=policy, l2=l2)


def exactly(X: Floats, y: Floats, fit_intercept: bool) -> ExactFit:
    block = as_read(np.column_stack([X, y]), "decimal")
    return exact_fit([row[:-1] for row in block], [row[-1] for row in block], fit_intercept)


def rounded_log_likelihood(n: int, k: int, mse: Fraction) -> list[float]:
    """The likelihood, AIC and BIC, from 1,000 bits; both ends of each ball round to the same double."""
    with precision(1000):
        deviance = n * ((2 * arb.pi() * arb(fmpq(mse.numerator, mse.denominator))).log() + 1)
        balls = [-deviance / 2, deviance + 2 * k, deviance + k * arb(n).log()]
        assert all(float(ball.lower()) == float(ball.upper()) for ball in balls)
        return [float(ball.mid()) for ball in balls]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("noise", [1.0, 1e-7])
@pytest.mark.parametrize("p", [1, 3, 6])
def test_figures_are_the_exact_ones_rounded_once(p: int, noise: float, fit_intercept: bool) -> None:
    """In fractions, of decimals; where next to nothing is left the balls of the first precision know next to nothing of it."""
    rng = np.random.default_rng([p, int(fit_intercept)])
    X = rng.integers(-3000, 3000, size=(14, p)) / 100 + 1000
    y = np.round(X @ np.arange(1.0, p + 1) + noise * rng.normal(size=14), 9)
    fit, exact = fitted(X, y, fit_intercept), exactly(X, y, fit_intercept)
    explained = exact.total - exact.rss

    assert fit.glance.df_model == p
    assert fit.glance.r2_adj == float(1 - exact.rss * (14 - fit_intercept) / (exact.total * exact.df))
    assert fit.glance.f_statistic == float(explained / p / (exact.rss / exact.df))
    assert [getattr(fit.glance, name) for name in LIKELIHOOD] == rounded_log_likelihood(14, fit.rank, exact.rss / 14)
    assert fit.reasons == {}


@pytest.mark.parametrize("policy", ["drop", "minimum_norm"])
def test_columns_that_tell_nothing_new_change_nothing(policy: RankPolicy) -> None:
    """The rank counts, not the columns: as R has it, and statsmodels with its pseudo-inverse."""
    X = np.random.default_rng(8).integers(-50, 50, size=(12, 2)) / 10
    y = np.random.default_rng(9).integers(-50, 50, size=12) / 10
    assert fitted(np.column_stack([X, X.sum(axis=1).round(1)]), y, policy=policy).glance == fitted(X, y).glance


def test_figures_that_balls_cannot_decide_are_decided_in_fractions() -> None:
    """A balanced design whose coefficient is 0: F is 0, and R² adjusted is -1/2, midway of nothing."""
    X, y = np.array([[-1.0], [1.0], [-1.0], [1.0]]), np.array([1.0, 1.0, 3.0, 3.0])
    fit = fitted(X, y)
    assert (fit.glance.f_statistic, fit.glance.r2_adj) == (0.0, -0.5)
    assert [getattr(fit.glance, name) for name in LIKELIHOOD] == rounded_log_likelihood(4, 2, Fraction(1))


LINE = np.arange(5.0)[:, None]
BENT = np.array([1.0, 2.5, 2.0, 4.5, 4.0])
NULLS: dict[str, tuple[LeastSquares, dict[str, str]]] = {
    "an exact line": (fitted(LINE, 3 + 2 * LINE[:, 0]), {"f_statistic": EXACT} | dict.fromkeys(LIKELIHOOD, UNBOUNDED)),
    "an exact plane": (
        fitted(np.column_stack([LINE, LINE**2, LINE**3])[:, :3], 1 + LINE[:, 0] ** 3),
        {"f_statistic": EXACT} | dict.fromkeys(LIKELIHOOD, UNBOUNDED),
    ),
    "a constant target": (
        fitted(LINE, np.full(5, 0.1)),
        dict.fromkeys(("r2_adj", "f_statistic"), CONSTANT_TARGET) | dict.fromkeys(LIKELIHOOD, UNBOUNDED),
    ),
    "zeros without an intercept": (
        fitted(LINE, np.zeros(5), fit_intercept=False),
        dict.fromkeys(("r2_adj", "f_statistic"), ZERO_TARGET) | dict.fromkeys(LIKELIHOOD, UNBOUNDED),
    ),
    "as many coefficients as rows": (fitted(LINE[:2], BENT[:2]), dict.fromkeys(NAMES, NO_DF)),
    "penalised": (fitted(LINE, BENT, l2=0.5), dict.fromkeys(NAMES, PENALISED)),
    "the mean alone": (fitted(np.ones((5, 1)), BENT, policy="drop"), {"f_statistic": NO_FEATURES}),
}


@pytest.mark.parametrize(("fit", "reasons"), NULLS.values(), ids=NULLS)
def test_a_figure_that_does_not_exist_says_why_and_the_others_do_not(fit: LeastSquares, reasons: dict[str, str]) -> None:
    """Null and a reason go together, under one name."""
    assert {name for name in NAMES if getattr(fit.glance, name) is None} == reasons.keys()
    assert {name: fit.reasons[name] for name in NAMES if name in fit.reasons} == reasons


# R's data sets `cars` (Ezekiel 1930) and `mtcars` (Henderson and Velleman 1981), as `print` shows them.
SPEED: list[float] = [4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 16, 16, 17, 17, 17, 18, 18, 18,
         18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25]  # fmt: skip
DIST: list[float] = [2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26, 54, 32, 40, 32, 40, 50, 42, 56,
        76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85]  # fmt: skip
MPG: list[float] = [21, 21, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4, 33.9, 21.5, 15.5,
       15.2, 13.3, 19.2, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4]  # fmt: skip
WT: list[float] = [2.62, 2.875, 2.32, 3.215, 3.44, 3.46, 3.57, 3.19, 3.15, 3.44, 3.44, 4.07, 3.73, 3.78, 5.25, 5.424, 5.345, 2.2, 1.615, 1.835, 2.465,
      3.52, 3.435, 3.84, 3.845, 1.935, 2.14, 1.513, 3.17, 2.77, 3.57, 2.78]  # fmt: skip
HP: list[float] = [110, 110, 93, 110, 175, 105, 245, 62, 95, 123, 123, 180, 180, 180, 205, 215, 230, 66, 52, 65, 97, 150, 150, 245, 175, 66, 91, 113,
      264, 175, 335, 109]  # fmt: skip

# What `summary(lm(...))` prints: residual standard error, adjusted R², F and its p value, to the digits printed.
R: dict[str, tuple[list[list[float]], list[float], list[str]]] = {
    "dist ~ speed": ([SPEED], DIST, ["15.38", "0.6438", "89.57", "1.49e-12"]),
    "mpg ~ wt": ([WT], MPG, ["3.046", "0.7446", "91.38", "1.294e-10"]),
    "mpg ~ wt + hp": ([WT, HP], MPG, ["2.593", "0.8148", "69.21", "9.109e-12"]),
}


@pytest.mark.parametrize(("columns", "y", "printed"), R.values(), ids=R)
def test_what_r_prints_is_met_to_its_digits(columns: list[list[float]], y: list[float], printed: list[str]) -> None:
    """The last lines of a summary, as R's documents and a thousand textbooks have them."""
    fit = fitted(np.array(columns, float).T, np.array(y, float))
    assert fit.glance.f_statistic is not None
    p_value = upper_tail(fit.glance.df_model, fit.df_resid, fit.glance.f_statistic)
    for text, value in zip(printed, (fit.sigma, fit.glance.r2_adj, fit.glance.f_statistic, p_value), strict=True):
        digits = len(text.split("e")[0].replace(".", "").lstrip("0"))
        assert value is not None
        assert float(f"{value:.{digits}g}") == float(text)


def test_the_likelihood_and_its_criteria_are_those_of_r_but_for_sigma() -> None:
    """logLik, AIC and BIC of lm(dist ~ speed) in R: -206.5784 (df=3), 419.1569, 424.8929; R counts sigma as a parameter."""
    found = fitted(np.array([SPEED], float).T, np.array(DIST, float)).glance
    assert found.log_likelihood == pytest.approx(-206.5784, abs=5e-5)
    assert found.aic == pytest.approx(419.1569 - 2, abs=5e-5)
    assert found.bic == pytest.approx(424.8929 - math.log(50), abs=5e-5)
