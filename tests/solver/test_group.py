"""Adding and taking away, a million rows of each: nothing drifts, nothing is left behind."""

from collections import deque
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.moments import Moments
from service.solver.reading import Numbers

Rows = Callable[[np.random.Generator, int], NDArray[np.float64]]

COLUMNS = ("x", "y")
N_ROWS = 1_000_000  # appended, and as many removed
MEAN_ROWS = 8  # of an append
POOL = 400  # different blocks of rows, which come again and again
LONGEST = 5  # blocks, of a window


def doubles(draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Numbers with offsets and of scales at which running sums of floats lose everything."""
    return np.asarray(draw.standard_normal((n, 2)) * 10.0 ** draw.integers(-9, 10, (n, 2)) + [1e9, 0.0], np.float64)


def decimals(draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Cents, and whole numbers up to a million."""
    return np.column_stack([draw.integers(-(10**6), 10**6, n) / 100, draw.integers(0, 10**6, n).astype(np.float64)])


@pytest.mark.parametrize(("rows_of", "numbers"), [(doubles, "float64"), (decimals, "decimal")], ids=["doubles", "decimals"])
def test_a_window_slid_over_a_million_rows_is_the_rows_it_holds(rows_of: Rows, numbers: Numbers) -> None:
    """Blocks come and go one at a time, in windows that grow and shrink; what is left is bit for bit the sum of its rows."""
    draw = np.random.default_rng(7)
    pool = [rows_of(draw, int(n)) for n in draw.integers(1, 2 * MEAN_ROWS, POOL)]
    moments = [Moments.of(rows, COLUMNS, numbers) for rows in pool]
    window: deque[int] = deque()
    held = Moments.empty(COLUMNS, numbers)
    n_came = n_left = n_checked = 0

    while n_left < N_ROWS:
        block = int(draw.integers(POOL))
        held += moments[block]
        window.append(block)
        n_came += len(pool[block])
        for _ in range(max(0, len(window) - int(draw.integers(1, LONGEST + 1)))):
            # Not only the oldest: rows may be forgotten wherever they lie.
            window.rotate(-int(draw.integers(len(window))))
            gone = window.popleft()
            held -= moments[gone]
            n_left += len(pool[gone])
        assert held.n_samples == n_came - n_left
        if n_left >= n_checked * N_ROWS // 20:
            n_checked += 1
            assert held.digest() == Moments.of(np.concatenate([pool[i] for i in window]), COLUMNS, numbers).digest()

    assert held.digest() == Moments.of(np.concatenate([pool[i] for i in window]), COLUMNS, numbers).digest()
    for gone in window:
        held -= moments[gone]
    assert held.digest() == Moments.empty(COLUMNS, numbers).digest()
