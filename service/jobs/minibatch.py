"""Mini-batch descent as work: epoch after epoch over the rows, recorded, from wherever it was left."""

import numpy as np
from numpy.typing import NDArray

from service.jobs.active import Active
from service.jobs.fitting import Arrival
from service.jobs.history import Recorder, Saved, last_two
from service.jobs.task import Descent
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
    active: Active, descent: Descent, moments: Moments, rows: Rows, store: Store, checkpoint_s: float
) -> Arrival:
    """Descend to the last epoch, or to where `tol` stops it; the job's recorder may hold epochs that are not saved yet.

    Raises: Cancelled: the job was asked to stop; DivergesInBatches.
    """
    assert descent.batch_size is not None and descent.random_state is not None  # noqa: S101, PT018 (the API fills them in)
    task = active.job.task
    *features, target = moments.columns

    def read_block(i: int) -> NDArray[np.float64]:
        return rows.block(i, moments.columns)

    loss_of = Loss(moments, target, features, task.fit_intercept)
    rates = minibatch_rates(
        moments, target, features, task.fit_intercept, batch_size=descent.batch_size, read_block=read_block
    )
    learning_rate = rates.automatic if descent.learning_rate == "auto" else descent.learning_rate

    zero = np.zeros(1 + len(features))
    start = Saved(0, loss_of(zero), zero)
    before, at = _left_at(active, start, store, checkpoint_s)
    while at.epoch < descent.epochs and not (before is not None and _fell_short(descent.tol, before.loss, at.loss)):
        theta = run_epoch(
            at.theta, read_block, moments.n_samples, learning_rate=learning_rate, batch_size=descent.batch_size,
            random_state=descent.random_state, epoch=at.epoch + 1, fit_intercept=task.fit_intercept,
            largest_stable=rates.largest_stable, keep_going=active.keep_going,
        )  # fmt: skip
        if theta is None:
            raise Cancelled
        before, at = at, Saved(at.epoch + 1, loss_of(theta), theta)
        _reach(active, at)
        if at.loss > DIVERGED * start.loss and descent.on_divergence == "error":
            raise DivergesInBatches(learning_rate, rates.largest_stable)
    return Arrival(
        epoch=at.epoch, loss=at.loss, theta=at.theta, learning_rate=learning_rate, largest_stable=rates.largest_stable,
        diverges=at.loss > start.loss,
    )  # fmt: skip


def _left_at(active: Active, start: Saved, store: Store, checkpoint_s: float) -> tuple[Saved | None, Saved]:
    """The last two epochs of a descent that was left, or None and the start of a new one; the recorder goes on from there."""
    saved = last_two(store, active.job.id)
    active.recorder = Recorder(store, active.job.id, saved[-1].epoch + 1 if saved else 0, checkpoint_s)
    if not saved:
        _reach(active, start)
        return None, start
    active.change(lambda job: job.reached(saved[-1].epoch))
    return (saved[0] if len(saved) == 2 else None), saved[-1]


def _reach(active: Active, at: Saved) -> None:
    assert active.recorder is not None  # noqa: S101 (it is there from the start)
    active.recorder.record(at.loss, at.theta)
    active.change(lambda job: job.reached(at.epoch))


def _fell_short(tol: float | None, before: float, after: float) -> bool:
    return tol is not None and before - after < tol * before
