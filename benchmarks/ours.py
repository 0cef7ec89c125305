"""linefit's solver alone, in a process of its own as its peers are: no HTTP, nothing kept."""

import time
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks import data
from service.solver.blas import one_thread
from service.solver.blocks import BLOCK_ROWS
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.minibatch import run_epoch
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.solver.threaded_summation import ThreadedSummation


@cache
def loaded(path: str) -> NDArray[np.float64]:
    """The rows [X y], in memory from now on, each column in one piece, as Arrow has them."""
    one_thread()  # as the service does when it starts
    return np.asfortranarray(np.load(path))


def moments_and_fit(path: str, numbers: Numbers) -> tuple[float, list[float]]:
    """Seconds from the rows in memory to every figure of the fit."""
    rows = loaded(path)
    started = time.perf_counter()
    fit = _fit(rows, _summation(data.names(rows.shape[1]), numbers))
    return time.perf_counter() - started, _figures(fit)


def small_fits(path: str, n: int) -> tuple[float, list[float]]:
    """Seconds a fit, of n one after the other."""
    rows = loaded(path)
    names = data.names(rows.shape[1])
    started = time.perf_counter()
    for _ in range(n):
        fit = least_squares(Moments.of(rows, names, "float64"), "y", names[:-1])  # as the service does with rows in a call
    return (time.perf_counter() - started) / n, _figures(fit)


def fit_of_blocks(blocks: Iterable[NDArray[np.float64]]) -> LeastSquares:
    """Of rows that are not in memory at once."""
    one_thread()
    summation: ThreadedSummation | None = None
    for block in blocks:
        if summation is None:
            summation = _summation(data.names(block.shape[1]), "float64")
        summation.add(block)
    assert summation is not None
    return least_squares(summation.result(), "y", summation.columns[:-1])


def wide(n: int, q: int) -> tuple[float, float]:
    """Seconds for the moments of rows (n, q), and for the fit of the last column on the others."""
    one_thread()
    rows = np.asfortranarray(data.matrix(n, q))
    started = time.perf_counter()
    summation = _summation(data.names(q), "float64")
    summation.add(rows)
    moments = summation.result()
    summed = time.perf_counter()
    least_squares(moments, "y", data.names(q)[:-1])
    return summed - started, time.perf_counter() - summed


def minibatch_epoch(path: str, batch_size: int) -> tuple[float, list[float]]:
    """Seconds of one pass over the rows in memory, and theta."""
    rows = np.ascontiguousarray(loaded(path))
    started = time.perf_counter()
    theta = run_epoch(
        np.zeros(rows.shape[1]), lambda i: rows[i * BLOCK_ROWS : (i + 1) * BLOCK_ROWS], len(rows), learning_rate=0.01,
        batch_size=batch_size, random_state=0, epoch=1, fit_intercept=True, largest_stable=1.0, keep_going=lambda: True,
    )  # fmt: skip
    assert theta is not None
    return time.perf_counter() - started, theta.tolist()


def _fit(rows: NDArray[np.float64], summation: ThreadedSummation) -> LeastSquares:
    summation.add(rows)
    return least_squares(summation.result(), "y", summation.columns[:-1])


def _summation(names: Sequence[str], numbers: Numbers) -> ThreadedSummation:
    return ThreadedSummation(lambda: Summation(names, numbers))


def _figures(fit: LeastSquares) -> list[float]:
    """Intercept and coefficients, then their standard errors."""
    return [float(value) for value in (fit.intercept, *fit.coef, *fit.std_error) if value is not None]
