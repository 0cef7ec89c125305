"""Mini-batch descent as work: epoch after epoch over the rows, recorded, from wherever it was left."""

from collections.abc import Callable

import numpy as np

from service.jobs.fitting import Arrival
from service.jobs.history import Recorder, last_two
from service.jobs.task import Descent, Task
from service.jobs.workers import Cancelled
from service.solver.errors import DivergesInBatches
from service.solver.loss import Loss
from service.solver.minibatch import run_epoch
from service.solver.moments import Moments
from service.solver.rates import minibatch_rates
from service.store.rows import Rows
from service.store.tables import Store

# Theta wanders around the optimum, but a stable descent does not get so much worse than where it began; one that diverges
# does within a few epochs, long before it leaves what a double can hold.
DIVERGED = 1e4


def descend_by_batches(
    task: Task,
    descent: Descent,
    moments: Moments,
    rows: Rows,
    store: Store,
    job_id: str,
    open_recorder: Callable[[int], Recorder],
    keep_going: Callable[[], bool],
    reached: Callable[[int], None],
) -> Arrival:
    """Descend to the last epoch, or to where `tol` stops it; the recorder may hold epochs that are not saved yet.

    Raises: Cancelled: `keep_going` said no; DivergesInBatches.
    """
    assert descent.batch_size is not None and descent.random_state is not None  # noqa: S101, PT018 (the API fills them in)

    def read_block(i: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return rows.block(i, task.columns)

    loss_of = Loss(moments, task.target, task.features, task.fit_intercept)
    rates = minibatch_rates(
        moments, task.target, task.features, task.fit_intercept, batch_size=descent.batch_size, read_block=read_block
    )
    learning_rate = rates.automatic if descent.learning_rate == "auto" else descent.learning_rate

    def fell_short(before: float, after: float) -> bool:
        return descent.tol is not None and before - after < descent.tol * before

    at_zero = loss_of(np.zeros(1 + len(task.features)))
    saved = last_two(store, job_id)
    if saved:
        epoch, loss, theta = saved[-1]
        stopped = len(saved) == 2 and fell_short(saved[0].loss, loss)
        recorder = open_recorder(epoch + 1)
    else:
        epoch, loss, theta, stopped = 0, at_zero, np.zeros(1 + len(task.features)), False
        recorder = open_recorder(0)
        recorder.record(loss, theta)
    reached(epoch)
    while epoch < descent.epochs and not stopped:
        after = run_epoch(
            theta, read_block, moments.n_samples, learning_rate=learning_rate, batch_size=descent.batch_size,
            random_state=descent.random_state, epoch=epoch + 1, fit_intercept=task.fit_intercept,
            largest_stable=rates.largest_stable, keep_going=keep_going,
        )  # fmt: skip
        if after is None:
            raise Cancelled
        epoch, theta, before, loss = epoch + 1, after, loss, loss_of(after)
        recorder.record(loss, theta)
        reached(epoch)
        if loss > DIVERGED * at_zero and descent.on_divergence == "error":
            raise DivergesInBatches(learning_rate, rates.largest_stable)
        stopped = fell_short(before, loss)
    return Arrival(
        epoch=epoch, loss=loss, theta=theta, learning_rate=learning_rate, largest_stable=rates.largest_stable,
        diverges=loss > at_zero,
    )  # fmt: skip
