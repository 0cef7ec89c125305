"""Batch descent is the recurrence itself, to 1e-13 of the largest term of each figure, at any epoch."""

import pickle

import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.descent import Trajectory, trajectory
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.sample import line
from tests.solver.exact_descent import BITS, ExactDescent

Floats = NDArray[np.float64]
EPOCHS = (0, 1, 2, 10, 1_000, 1_001, 10_000, 100_000)
RNG = np.random.default_rng(7)


def near_a_million() -> tuple[Floats, Floats]:
    """A column whose spread is a millionth of its size: a float64 eigensolver loses ten digits here."""
    X = 1e6 + RNG.uniform(-1, 1, (50, 1)).round(3)
    return X, (3.0 + 2.0 * X[:, 0] + RNG.normal(size=50)).round(2)


def wide_scales() -> tuple[Floats, Floats]:
    """Columns from 0.1 to a million in size."""
    X = RNG.normal(1.0, 1.0, (40, 5)) * np.array([0.1, 3.0, 100.0, 1e4, 1e6])
    return X, X @ np.array([10.0, 1.0, 0.1, 1e-4, 1e-6]) + RNG.normal(size=40)


def one_hot() -> tuple[Floats, Floats]:
    """Four balanced groups: repeated eigenvalues, and with an intercept exactly singular."""
    X = np.repeat(np.eye(4), 5, axis=0)
    return X, RNG.normal(size=20) + np.repeat([1.0, 2.0, 3.0, 5.0], 5)


def one_hot_and_a_number() -> tuple[Floats, Floats]:
    """Balanced groups beside an ordinary column."""
    X, y = one_hot()
    return np.column_stack([X[:, 1:], RNG.normal(size=20)]), y


def an_exact_line() -> tuple[Floats, Floats]:
    """No residual: the loss falls towards zero itself, and must do so in all its digits."""
    X = np.arange(10.0)[:, None]
    return X, 3.0 + 2.0 * X[:, 0]


def orthogonal() -> tuple[Floats, Floats]:
    """Centred columns, one of them at a right angle to the target: what is zero stays exactly zero."""
    X = np.array([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    return X, np.array([1.0, 2.0, 1.0, 2.0])


def nearly_dependent() -> tuple[Floats, Floats]:
    """Two columns that differ in the tenth digit."""
    x = RNG.normal(size=30)
    return np.column_stack([x, x + 1e-10 * RNG.normal(size=30)]), x + RNG.normal(size=30)


def few_rows() -> tuple[Floats, Floats]:
    """Fewer rows than columns: the path ends at the solution of least norm."""
    return RNG.normal(size=(3, 6)), RNG.normal(size=3)


def extremes() -> tuple[Floats, Floats]:
    """1e-40 beside 1e40."""
    X = RNG.normal(size=(12, 2)) * np.array([1e-40, 1e40])
    return X, RNG.normal(size=12)


DESIGNS = {
    design.__name__: design()
    for design in (
        near_a_million, wide_scales, one_hot, one_hot_and_a_number, an_exact_line, orthogonal, nearly_dependent,
        few_rows, extremes,
    )
}  # fmt: skip


def descend(
    X: Floats, y: Floats, *, fit_intercept: bool = True, rate: float | None = None, numbers: Numbers = "float64"
) -> Trajectory:
    """The trajectory on these rows; the automatic rate if none is given."""
    names = [f"x{j}" for j in range(X.shape[1])]
    moments = Moments.of(np.column_stack([X, y]), [*names, "y"], numbers)
    return trajectory(moments, "y", names, fit_intercept, "auto" if rate is None else rate)


def worst(path: Trajectory, exact: ExactDescent, epochs: tuple[int, ...]) -> float:
    """The largest error, of the largest term of its figure; figures that do not fit a double are left out."""
    losses, thetas = path.at(np.array(epochs))
    errors = [0.0]
    with precision(BITS):
        for k, terms, found_loss, found in zip(epochs, exact.largest_terms(epochs), losses, thetas, strict=True):
            loss, theta = exact.at(k)
            if loss < arb(10) ** 307:
                errors.append(relative(float(found_loss), loss, loss))
            for value, true, term in zip(found, theta, terms, strict=True):
                if term < arb(10) ** 307:
                    errors.append(relative(float(value), true, term))
    return max(errors)


def relative(found: float, true: arb, term: arb) -> float:
    """|found - true| / term; an underflow is no error."""
    error = abs(arb(found) - true)
    if not error > arb(10) ** -300:
        return 0.0
    return float(error / term) if term > 0 else np.inf


@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("rate", [1.0, 0.01, 2.0 * (1 - 1e-9), 2.02, 3.5], ids=["auto", "slow", "edge", "over", "far"])
@pytest.mark.parametrize("design", DESIGNS)
def test_every_epoch_is_the_exact_one(design, rate, fit_intercept):
    """To 1e-13 of the largest term: any scale, repeated or zero eigenvalues, a billionth below the limit or above it."""
    X, y = DESIGNS[design]
    auto = descend(X, y, fit_intercept=fit_intercept).learning_rate
    path = descend(X, y, fit_intercept=fit_intercept, rate=auto * rate)
    assert path.diverges == (rate > 2)

    assert worst(path, ExactDescent(X, y, fit_intercept, path.learning_rate), EPOCHS) <= 1e-13
