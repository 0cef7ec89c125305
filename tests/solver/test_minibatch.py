"""Mini-batch descent: its order is drawn from (random_state, epoch) alone, and its steps are the recurrence's."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.blocks import BLOCK_ROWS, ReadBlock
from service.solver.errors import Diverges
from service.solver.minibatch import run_epoch
from service.solver.moments import Moments
from service.solver.rates import Rates, minibatch_rates

Floats = NDArray[np.float64]
RNG = np.random.default_rng(11)
ROWS = np.column_stack([RNG.normal(size=(9_000, 2)), np.empty(9_000)])
ROWS[:, 2] = 1.0 + ROWS[:, :2] @ [2.0, -3.0] + 0.1 * RNG.normal(size=9_000)


def blocks_of(rows: Floats) -> ReadBlock:
    """Read a block of rows held in memory."""
    return lambda i: rows[BLOCK_ROWS * i : BLOCK_ROWS * (i + 1)]


def epochs(
    rows: Floats,
    first: int,
    last: int,
    theta: Floats | None = None,
    *,
    learning_rate: float = 0.01,
    batch_size: int = 32,
    random_state: int = 5,
    fit_intercept: bool = True,
    read_block: ReadBlock | None = None,
) -> Floats:
    """Descend from epoch `first` to `last`: theta after them."""
    theta = np.zeros(rows.shape[1]) if theta is None else theta
    for epoch in range(first, last + 1):
        after = run_epoch(
            theta,
            read_block or blocks_of(rows),
            len(rows),
            learning_rate=learning_rate,
            batch_size=batch_size,
            random_state=random_state,
            epoch=epoch,
            fit_intercept=fit_intercept,
            largest_stable=0.5,
            keep_going=lambda: True,
        )
        assert after is not None
        theta = after
    return theta


def plainly(rows: Floats, batch_size: int, fit_intercept: bool, learning_rate: float = 0.01) -> Floats:
    """Epoch 1 of random_state 5 as it is described, one batch after the other, without a buffer."""
    rng = np.random.default_rng((5, 1))
    pieces = []
    for i in rng.permutation(-(-len(rows) // BLOCK_ROWS)):
        block = rows[BLOCK_ROWS * i : BLOCK_ROWS * (i + 1)]
        pieces.append(block[rng.permutation(len(block))])
    walked = np.concatenate(pieces)
    X, y = np.column_stack([np.full(len(rows), float(fit_intercept)), walked[:, :-1]]), walked[:, -1]
    theta = np.zeros(X.shape[1])
    for start in range(0, len(rows), batch_size):
        part = slice(start, start + batch_size)
        residuals = y[part] - X[part] @ theta
        theta = theta + learning_rate * X[part].T @ residuals / min(batch_size, len(y))
    return theta


def rates(rows: Floats, batch_size: int, *, fit_intercept: bool = True) -> Rates:
    """The rates for these rows, the last column the target."""
    names = [f"x{j}" for j in range(rows.shape[1] - 1)]
    return minibatch_rates(
        Moments.of(rows, [*names, "y"]), "y", names, fit_intercept, batch_size=batch_size, read_block=blocks_of(rows)
    )


@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("batch_size", [1, 2, 100, 256, 4_096, 5_000, 9_000, 10**6])
def test_an_epoch_takes_the_steps_that_it_describes(batch_size: int, fit_intercept: bool) -> None:
    """Every row once, in batches that run across the edges of blocks, the last one short and no stronger for it."""
    theta = epochs(ROWS, 1, 1, batch_size=batch_size, fit_intercept=fit_intercept)

    np.testing.assert_allclose(theta, plainly(ROWS, batch_size, fit_intercept), rtol=1e-11, atol=1e-13)
    assert fit_intercept or theta[0] == 0.0


@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_resumed_descent_is_the_uninterrupted_one_to_the_bit(batch_size: int) -> None:
    """Theta and the number of the epoch are all that has to survive a crash."""
    whole = epochs(ROWS, 1, 4, batch_size=batch_size)
    saved = np.frombuffer(epochs(ROWS, 1, 2, batch_size=batch_size).tobytes())

    assert epochs(ROWS, 3, 4, saved, batch_size=batch_size).tobytes() == whole.tobytes()
    assert saved.tobytes() == epochs(ROWS, 1, 2, batch_size=batch_size).tobytes()


@pytest.mark.parametrize("stored", [
    pytest.param(np.asfortranarray, id="column by column"),
    pytest.param(lambda block: np.concatenate([block[:100], block[100:]]), id="in pieces"),
    pytest.param(lambda block: np.repeat(block, 2, axis=0)[::2], id="with gaps"),
])  # fmt: skip
def test_how_rows_are_stored_does_not_change_a_bit(stored: Callable[[Floats], Floats]) -> None:
    """Blocks are cut by position, and their rows are laid out anew."""
    theta = epochs(ROWS, 1, 1, read_block=lambda i: stored(blocks_of(ROWS)(i)))

    assert theta.tobytes() == epochs(ROWS, 1, 1).tobytes()


def test_epochs_and_states_draw_orders_of_their_own() -> None:
    """The order changes with each."""
    drawn = {epochs(ROWS, k, k, random_state=s).tobytes() for k in (1, 2) for s in (0, 1, 2**70)}

    assert len(drawn) == 6


@pytest.mark.parametrize("batch_size", [1, 32, 9_000])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
def test_the_automatic_rate_never_diverges_and_ends_near_the_optimum(scale: float, batch_size: int) -> None:
    """Heavy tails and columns not scaled to each other: some row is far larger than the mean of them."""
    rng = np.random.default_rng(3)
    X = np.exp(rng.normal(size=(3_000, 2)) * 1.5) * [1.0, scale]
    rows = np.column_stack([X, X @ [1.0, 1.0 / scale] + rng.normal(size=3_000)])
    start = np.mean(rows[:, -1] ** 2)

    theta = epochs(rows, 1, 5, learning_rate=rates(rows, batch_size).automatic, batch_size=batch_size)

    assert np.mean((rows[:, 2] - theta[0] - X @ theta[1:]) ** 2) < start


def test_minibatch_descent_converges() -> None:
    """To the least-squares coefficients, to within what a constant rate leaves of the noise."""
    theta = epochs(ROWS, 1, 5)

    np.testing.assert_allclose(theta, [1.0, 2.0, -3.0], atol=0.02)


@pytest.mark.parametrize("batch_size", [1, 32, 9_000])
def test_a_rate_that_diverges_is_found_out(batch_size: int) -> None:
    """The error names the rate, and the one that is known to be stable."""
    with pytest.raises(Diverges) as refused:
        epochs(ROWS, 1, 2_000, learning_rate=3.0, batch_size=batch_size)

    assert (refused.value.learning_rate, refused.value.largest_stable) == (3.0, 0.5)


def test_a_descent_stops_within_a_block_when_told_to() -> None:
    """keep_going is asked before each block; an epoch cut short gives nothing."""
    read: list[int] = []

    def read_block(i: int) -> Floats:
        read.append(i)
        return blocks_of(ROWS)(i)

    after = run_epoch(
        np.zeros(3), read_block, len(ROWS), learning_rate=0.01, batch_size=7, random_state=0, epoch=1,
        fit_intercept=True, largest_stable=1.0, keep_going=lambda: len(read) < 2,
    )  # fmt: skip

    assert after is None
    assert len(read) == 2


def test_the_rate_runs_from_one_row_to_all_of_them() -> None:
    """A quarter of 1 / max |x|^2 for single rows, whose steps are noisy; nearly 1 / lambda_max for the whole set."""
    X = np.column_stack([np.ones(len(ROWS)), ROWS[:, :2]])
    single, whole = rates(ROWS, 1), rates(ROWS, 10**9)

    assert single.automatic == pytest.approx(0.25 / np.square(X).sum(axis=1).max())
    assert whole.automatic == pytest.approx(1.0 / np.linalg.eigvalsh(X.T @ X / len(X))[-1], rel=1e-2)
    assert single.largest_stable == 8.0 * single.automatic


def test_columns_of_zeros_have_a_finite_rate() -> None:
    """Any rate will do."""
    assert np.isfinite(rates(np.zeros((3, 2)), 1, fit_intercept=False).largest_stable)
