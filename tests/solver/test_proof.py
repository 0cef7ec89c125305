"""The proof by example: every figure of hundreds of designs of all kinds is the exact one of rational arithmetic."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.errors import RankDeficient
from service.solver.least_squares import least_squares
from service.solver.reading import Numbers
from tests.solver.exact_fit import as_read, assert_figures, exact_fit, moments_of

Floats = NDArray[np.float64]
N_DESIGNS = 80  # of each reading, with and without an intercept


@dataclass(frozen=True)
class Design:
    X: Floats  # (n, p)
    y: Floats
    weights: Floats | None


def design(seed: int, numbers: Numbers) -> Design:
    """Condition numbers from 1 to 1e18 in turn; offsets, wild scales, n = p, weights, exact lines by chance."""
    rng = np.random.default_rng([seed, numbers == "decimal"])
    p = int(rng.integers(1, 8))
    n = p + 1 + int(rng.choice([0, 1, 3, 8]))
    orthogonal, _ = np.linalg.qr(rng.normal(size=(n, p)))
    turned, _ = np.linalg.qr(rng.normal(size=(p, p)))
    X = orthogonal * np.geomspace(1, 10.0 ** -rng.uniform(0, 18), p) @ turned
    if p > 1 and rng.random() < 0.3:  # nearly collinear: one column is the sum of the others but for its last digits
        X[:, -1] = X[:, :-1].sum(axis=1) * (1 + rng.normal(size=n) * 10.0 ** -rng.uniform(1, 15))
    X += rng.choice([0, 0, 1, 1e4, 1e9]) * (rng.random(p) < 0.5)
    X *= 10.0 ** rng.integers(-9, 10, size=p) if rng.random() < 0.3 else 1
    y = X @ rng.normal(size=p) + rng.choice([0, 1e-6, 1, 100]) * rng.normal(size=n)
    weights = rng.integers(1, 100, size=n) / 8 if rng.random() < 0.4 else None
    if numbers == "decimal":
        X, y = short(X), short(y)
    return Design(X, y, weights)


def short(values: Floats) -> Floats:
    """To 15 digits at most."""
    return np.array([float(f"{value:.15g}") for value in values.ravel()]).reshape(values.shape)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_every_figure_of_any_design_is_exact_to_the_last_bit(numbers: Numbers, fit_intercept: bool) -> None:
    """Coefficients and what rounding left of them, standard errors, sigma, mse, rmse and R², from balls or rationals."""
    conditions = []
    for seed in range(N_DESIGNS):
        made = design(seed, numbers)
        rows = as_read(np.column_stack([made.X, made.y]), numbers)
        weights = None if made.weights is None else list(map(Fraction, made.weights.tolist()))
        names = [f"x{1 + j}" for j in range(made.X.shape[1])]
        moments = moments_of(rows, (*names, "y"), numbers, weights)
        X, y = [row[:-1] for row in rows], [row[-1] for row in rows]
        try:
            fit = least_squares(moments, "y", names, fit_intercept, rank_deficient="allow")
        except RankDeficient:
            with pytest.raises(StopIteration):  # rounding to 15 digits made the columns dependent indeed
                exact_fit(X, y, fit_intercept, weights)
            continue
        assert_figures(fit, exact_fit(X, y, fit_intercept, weights))
        conditions.append(fit.condition_number or np.inf)
    assert len(conditions) > 0.9 * N_DESIGNS
    assert min(conditions) < 10
    assert max(conditions) > 1e15


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_every_figure_of_a_penalised_fit_is_exact_too(numbers: Numbers, fit_intercept: bool) -> None:
    """Ridge regression of the same designs, of duplicated columns and of fewer rows than columns among them."""
    rng = np.random.default_rng(1)
    for seed in range(20):
        made = design(1000 + seed, numbers)
        X = np.column_stack([made.X, made.X[:, 0]]) if seed % 3 == 0 else made.X
        rows = as_read(np.column_stack([X, made.y]), numbers)
        weights = None if made.weights is None else list(map(Fraction, made.weights.tolist()))
        if seed % 4 == 0:
            rows, weights = rows[:2], weights and weights[:2]
        names = [f"x{1 + j}" for j in range(X.shape[1])]
        l2 = float(f"{10.0 ** rng.uniform(-12, 3):.3g}")
        read = Fraction(l2) if numbers == "float64" else Fraction(repr(l2))

        fit = least_squares(moments_of(rows, (*names, "y"), numbers, weights), "y", names, fit_intercept, l2=l2)

        assert_figures(fit, exact_fit([row[:-1] for row in rows], [row[-1] for row in rows], fit_intercept, weights, l2=read))


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_every_figure_of_a_minimum_norm_fit_is_exact_too(numbers: Numbers, fit_intercept: bool) -> None:
    """Dependent columns, fewer rows than columns: the pseudo-inverse of rational arithmetic."""
    rng = np.random.default_rng(2)
    for seed in range(15):
        p, extra = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        base = rng.integers(-99, 100, size=(int(rng.integers(p + 1, 12)), p)) / 4.0
        X = np.column_stack([base, base @ rng.integers(-3, 4, size=(p, extra)) + fit_intercept * rng.integers(0, 2)])
        X = X[:, rng.permutation(p + extra)]
        y = rng.integers(-99, 100, size=len(X)) / 100.0
        rows = as_read(np.column_stack([X, y]), numbers)
        if seed % 4 == 0:
            rows = rows[: max(2, p // 2)]
        weights = [Fraction(int(one), 4) for one in rng.integers(1, 9, size=len(rows))] if seed % 3 == 0 else None
        names = [f"x{1 + j}" for j in range(p + extra)]
        moments = moments_of(rows, (*names, "y"), numbers, weights)

        fit = least_squares(moments, "y", names, fit_intercept, rank_deficient="minimum_norm")

        exact = exact_fit([row[:-1] for row in rows], [row[-1] for row in rows], fit_intercept, weights, minimum_norm=True)
        assert_figures(fit, exact)
