"""Fits by the usual libraries, on rows in memory. Each gives the seconds it took, and intercept and coefficients.

BLAS has as many threads as the library takes by itself, which is all cores.
"""

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, Ridge, SGDRegressor
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
Timed = tuple[float, list[float]]

BLOCK_ROWS = 4096


@cache
def loaded(path: str) -> tuple[Floats, Floats]:
    """X and y, in memory from now on, each as its library likes it best."""
    rows = np.load(path)
    return np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, -1])


def timed(fit: Callable[[Floats, Floats], list[float]], path: str, repeat: int = 1) -> Timed:
    X, y = loaded(path)
    started = time.perf_counter()
    for _ in range(repeat):
        found = fit(X, y)
    return (time.perf_counter() - started) / repeat, found


def fitted(how: str, path: str, repeat: int = 1) -> Timed:
    """Seconds a fit, of `repeat` one after the other, by one of FITS."""
    return timed(FITS[how], path, repeat)


def _linear_regression(X: Floats, y: Floats) -> list[float]:
    fit = LinearRegression().fit(X, y)
    return [float(fit.intercept_), *fit.coef_.tolist()]


def _ridge(X: Floats, y: Floats) -> list[float]:
    fit = Ridge(alpha=1e-9, solver="cholesky").fit(X, y)
    return [float(fit.intercept_), *fit.coef_.tolist()]


def _statsmodels(X: Floats, y: Floats) -> list[float]:
    """With standard errors, as linefit has them."""
    fit = sm.OLS(y, sm.add_constant(X)).fit()
    return [*fit.params.tolist(), *fit.bse.tolist()]


def _lstsq(X: Floats, y: Floats) -> list[float]:
    found: list[float] = np.linalg.lstsq(np.column_stack([np.ones(len(X)), X]), y)[0].tolist()
    return found


def _blocked(X: Floats, y: Floats) -> list[float]:
    """X'X in float64, block by block, and its normal equation: the least that summing up can cost, rounded."""
    p = X.shape[1]
    gram, moment = np.zeros((p + 1, p + 1)), np.zeros(p + 1)
    for start in range(0, len(X), BLOCK_ROWS):
        block, target = X[start : start + BLOCK_ROWS], y[start : start + BLOCK_ROWS]
        gram[1:, 1:] += block.T @ block
        gram[0, 1:] += block.sum(axis=0)
        moment[1:] += target @ block
        moment[0] += target.sum()
    gram[0, 0], gram[1:, 0] = len(X), gram[0, 1:]
    found: list[float] = np.linalg.solve(gram, moment).tolist()
    return found


def _reading(X: Floats, y: Floats) -> list[float]:
    """X read once, and nothing else."""
    X.max()
    y.max()
    return []


FITS = {
    "LinearRegression": _linear_regression, "Ridge": _ridge, "statsmodels": _statsmodels, "lstsq": _lstsq, "blocked": _blocked,
    "reading": _reading,
}  # fmt: skip


def epochs_of_batch_descent(path: str, epochs: int, learning_rate: float) -> Timed:
    """Seconds an epoch of the usual loop over all rows in numpy, theta after so many of them."""
    X, y = loaded(path)
    theta, intercept = np.zeros(X.shape[1]), 0.0
    started = time.perf_counter()
    for _ in range(epochs):
        residual = X @ theta + intercept - y
        theta -= learning_rate / len(y) * (residual @ X)
        intercept -= learning_rate * float(residual.mean())
    return (time.perf_counter() - started) / epochs, [intercept, *theta.tolist()]


def epoch_of_sgd(path: str) -> Timed:
    """One epoch of stochastic descent by SGDRegressor, a row a step."""
    X, y = loaded(path)
    sgd = SGDRegressor(penalty=None, max_iter=1, tol=None, learning_rate="constant", eta0=1e-3, random_state=0)
    started = time.perf_counter()
    sgd.fit(X, y)
    return time.perf_counter() - started, [float(sgd.intercept_[0]), *sgd.coef_.tolist()]


def one_thread_of_dot(path: str, coef: list[float]) -> Timed:
    """Rows times coefficients, one thread: what a prediction is without reading or writing anything."""
    X, _ = loaded(path)
    with threadpool_limits(1):
        started = time.perf_counter()
        found = X @ np.array(coef)
        return time.perf_counter() - started, found[:5].tolist()
