"""Mini-batch and stochastic gradient descent over blocks of rows: what the moments cannot answer."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from service.solver.blocks import BLOCK_ROWS, ReadBlock
from service.solver.errors import DivergesInBatches

Floats = NDArray[np.float64]

_CACHE_LINE = 64


def run_epoch(
    theta: Floats,
    read_block: ReadBlock,
    n_samples: int,
    *,
    learning_rate: float,
    batch_size: int,
    random_state: int,
    epoch: int,
    fit_intercept: bool,
    largest_stable: float,
    keep_going: Callable[[], bool],
) -> Floats | None:
    """The theta (1 + p,), intercept first, after one pass over all rows in an order drawn from (random_state, epoch).

    The order of the blocks is drawn first, then, as each is reached, that of its rows; batches run across block edges
    and the last may be short; each moves theta by -learning_rate X_b' (X_b theta - y_b) / batch_size, so that every row
    pulls as hard as any other: a last batch of two rows at full strength would throw theta off at the end of each epoch
    (R2 -0.2 for 0.4 on 442 rows in batches of 40). Nothing else is remembered, so a descent resumed from any epoch's theta is the uninterrupted one to the bit.

    Args:
        theta: where to start, (1 + p,); it is not changed.
        read_block: rows BLOCK_ROWS * i and on as (m, p + 1) float64, the target last.
        n_samples: rows in all, in as many blocks as that takes.
        learning_rate: the step, per batch.
        batch_size: in rows, at least 1; n_samples or more is batch descent, up to rounding.
        random_state: an integer >= 0.
        epoch: which pass this is, from 1.
        fit_intercept: if not, the intercept stays what it is in theta.
        largest_stable: for the error's message alone; see `rates`.
        keep_going: asked before each block.
    Returns: the new theta, or None if keep_going said no: the epoch has to be run again from its start.
    Raises: DivergesInBatches: theta is no longer finite, or was not.
    """
    rng = np.random.default_rng((random_state, epoch))
    walk = _Walk(theta, fit_intercept, learning_rate, min(batch_size, n_samples))
    with np.errstate(all="ignore"):
        for i in rng.permutation(-(-n_samples // BLOCK_ROWS)).tolist():
            if not keep_going():
                return None
            block = read_block(i)
            walk.over(block, rng.permutation(len(block)))
            # Once infinite or NaN a component stays so: a look a block is enough.
            if not np.isfinite(walk.weights).all():
                break
        after = walk.end()
    if not np.isfinite(after).all():
        raise DivergesInBatches(learning_rate, largest_stable)
    return after


class _Walk:
    """One epoch under way. Rows stand in the buffers as [x y 1] and the weights as [slopes -1 intercept], so that
    their product is prediction - y; the gradient's entry for y is multiplied by a step of 0.
    """

    def __init__(self, theta: Floats, fit_intercept: bool, learning_rate: float, batch_size: int) -> None:
        self._intercept, self._first = float(theta[0]), fit_intercept
        self._target = len(theta) - 1
        self.weights = np.array([*theta[1:], -1.0, *theta[:1][:fit_intercept]])
        width = len(self.weights)
        self._rate, self._batch_size = learning_rate, batch_size
        self._moves = np.ones(width)
        self._moves[self._target] = 0.0
        self._read, self._rows = _aligned(BLOCK_ROWS, width), _aligned(BLOCK_ROWS, width)
        self._read[:, self._target + 1 :] = 1.0
        self._residuals, self._gradient, self._part = np.empty(BLOCK_ROWS), np.empty(width), np.empty(width)
        self._waiting = 0  # rows of the open batch whose gradient is already summed up

    def over(self, block: Floats, order: NDArray[np.int64]) -> None:
        """Take the rows of one block (m, p + 1) in this order."""
        m = len(block)
        self._read[:m, : self._target + 1] = block
        # mode="clip" lets numpy write straight to `out`; the order has no index to clip.
        rows = np.take(self._read[:m], order, axis=0, out=self._rows[:m], mode="clip")
        if self._batch_size == 1:
            self._one_by_one(rows)
        else:
            self._in_batches(rows)

    def _one_by_one(self, rows: Floats) -> None:
        weights, part, multiply, subtract = self.weights, self._part, np.multiply, np.subtract
        moves = rows * (self._moves * self._rate)
        for row, move in zip(rows, moves, strict=True):  # three calls of numpy, some 1.2 µs a row
            multiply(move, row.dot(weights), part)
            subtract(weights, part, weights)

    def _in_batches(self, rows: Floats) -> None:
        start, m = 0, len(rows)
        while start < m:
            batch = rows[start : start + self._batch_size - self._waiting]
            residuals = self._residuals[: len(batch)]
            np.dot(batch, self.weights, out=residuals)
            if self._waiting:
                np.dot(residuals, batch, out=self._part)
                self._gradient += self._part
            else:
                np.dot(residuals, batch, out=self._gradient)
            start += len(batch)
            self._waiting += len(batch)
            if self._waiting == self._batch_size:
                self._step()

    def _step(self) -> None:
        np.multiply(self._gradient, self._moves * (self._rate / self._batch_size), out=self._gradient)
        np.subtract(self.weights, self._gradient, out=self.weights)
        self._waiting = 0

    def end(self) -> Floats:
        """The last batch, which may be short; then theta."""
        if self._waiting:
            self._step()
        intercept = self.weights[-1] if self._first else self._intercept
        return np.array([intercept, *self.weights[: self._target]])


def _aligned(rows: int, columns: int) -> Floats:
    """An empty array at the start of a cache line: where it lay by chance could change how BLAS sums, and so the bits."""
    spare = _CACHE_LINE // 8
    memory = np.empty(rows * columns + spare)
    start = -memory.ctypes.data % _CACHE_LINE // 8
    return memory[start : start + rows * columns].reshape(rows, columns)
