"""The work of a job: from its task to its model, reporting on the way."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.jobs import table
from service.jobs.active import Active
from service.jobs.fitting import Arrival, by_descent, by_normal_equation
from service.jobs.minibatch import descend_by_batches
from service.jobs.state import Job
from service.jobs.task import Descent
from service.jobs.trajectories import Trajectories
from service.jobs.workers import SHORT_DESCENT, Cancelled, HowToSolve, Solver, is_short
from service.registry.datasets import Datasets
from service.registry.design import Recipe
from service.registry.models import Model
from service.registry.summing import Summed
from service.registry.sums import Sums
from service.registry.versions import Dataset
from service.solver.errors import Diverges, Overflowed
from service.solver.least_squares import LeastSquares
from service.solver.moments import Moments
from service.solver.rates import surely_stable_rate
from service.store.rows import Part, Rows, path
from service.store.tables import Store

# Eigenvalues in float64 are good to some 1e-14 of the largest; rates so near the limit are left to the balls.
DOUBTFUL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What jobs are done with."""

    store: Store
    datasets: Datasets
    sums: Sums
    solver: Solver
    trajectories: Trajectories
    rows_folder: Path
    checkpoint_s: float

    def refuse(self, job: Job, summed: Summed) -> None:
        """Find what is wrong with a fit before there is a job for it, as far as that takes milliseconds.

        Raises: as the solver; Diverges: surely, and the client did not ask to see that.
        """
        task, moments = job.task, summed.moments
        if is_short(moments):
            self._least_squares(job, summed)
        if task.descent is None or task.descent.batch_size is not None:
            return
        if is_short(moments, SHORT_DESCENT):
            self.trajectories.checked(job, moments)
        elif task.descent.learning_rate != "auto" and task.descent.on_divergence == "error":
            *features, target = moments.columns
            limit = surely_stable_rate(moments, target, features, task.fit_intercept)
            if task.descent.learning_rate > limit * (1.0 + DOUBTFUL):
                raise Diverges(task.descent.learning_rate, limit)

    def closed_form(self, job: Job, summed: Summed) -> Model:
        """The model of a task without a descent. Raises: Cancelled, and as the solver."""
        started = time.monotonic()
        fit = self._least_squares(job, summed)
        return by_normal_equation(job.task, fit, summed.found, job.id, _ms_since(started))

    def fit(self, active: Active, summed: Summed) -> Model:
        """The model that the task asks for.

        Raises: Cancelled; Overflowed: the descent left what a double can hold; and as the solver.
        """
        job, moments, started = active.job, summed.moments, time.monotonic()
        if job.task.descent is None:
            return self.closed_form(job, summed)
        fit = self._least_squares(job, summed)
        if job.task.descent.batch_size is None:
            arrival = self._descend(active, job.task.descent, moments)
        else:
            rows = self._rows(job, moments.n_samples)
            arrival = descend_by_batches(active, job.task.descent, moments, rows, self.store, self.checkpoint_s)
        if not np.isfinite(arrival.theta).all():
            raise Overflowed(arrival.learning_rate, arrival.largest_stable)
        return by_descent(job.task, summed, fit, arrival, job.id, _ms_since(started))

    def summed(self, active: Active) -> Summed:
        """What the job is a function of; made from the rows, and kept with it, if it is not there yet. Raises: Cancelled."""
        job = active.job
        found = active.summed or table.summed_of(self.store, job.id)
        if found is not None:
            return found

        def progress(n_read: int, n_rows: int) -> None:
            if not active.keep_going():
                raise Cancelled
            active.change(lambda job: job.reading(n_read, n_rows))

        dataset, design = self._dataset(job), job.task.design
        made = self.sums.known(dataset, design) or self.sums.made(dataset, design, progress)
        with self.store.write() as connection:
            table.keep_summed(connection, job.id, made)
        return made

    def _least_squares(self, job: Job, summed: Summed) -> LeastSquares:
        task = job.task
        # Columns as they are need no account of what they are made of, which takes as long as their fit.
        made_of = None if task.design.is_plain else Recipe.of(task.design, summed.found.levels).made_of
        how = HowToSolve(task.fit_intercept, task.l2, task.rank_deficient, made_of)
        return self.solver.least_squares(summed.moments, how, job.id)

    def _descend(self, active: Active, descent: Descent, moments: Moments) -> Arrival:
        found = self.trajectories.checked(active.job, moments)
        epoch = descent.epochs if descent.tol is None else found.stop(descent.tol, descent.epochs)
        loss, theta = found.at(np.array([epoch]))
        excess, distance = found.distance(np.array([epoch]))
        active.change(lambda job: job.reached(epoch))
        return Arrival(
            epoch=epoch, loss=float(loss[0]), theta=theta[0], learning_rate=found.learning_rate,
            largest_stable=found.largest_stable, diverges=found.learning_rate >= found.largest_stable,
            left=(float(excess[0]), float(distance[0])),
        )  # fmt: skip

    def _rows(self, job: Job, n_rows: int) -> Rows:
        """The rows of an inline fit's own file, or those of its data set."""
        with self.store.read() as connection:
            file = table.row_of(connection, job.id).rows_file
        if file is not None:
            return Rows([Part(path(self.rows_folder, file), n_rows)])
        dataset = self._dataset(job)
        return self.datasets.rows(dataset.id, dataset.version)

    def _dataset(self, job: Job) -> Dataset:
        assert job.task.dataset_id is not None  # noqa: S101 (an inline fit brings its moments and its rows)
        return self.datasets.get(job.task.dataset_id, job.task.dataset_version)


def _ms_since(started: float) -> float:
    return (time.monotonic() - started) * 1e3
