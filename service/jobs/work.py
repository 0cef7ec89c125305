"""The work of a job: from its task to its model, reporting on the way."""

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.jobs import cross_validation, robust, row_figures, table
from service.jobs.active import Active
from service.jobs.fitting import Arrival, by_descent, by_normal_equation
from service.jobs.job_rows import JobRows
from service.jobs.minibatch import descend_by_batches
from service.jobs.row_figures import MOST_CELLS, Fitted, Progress, RowFigures
from service.jobs.state import Job
from service.jobs.task import Descent, Task
from service.jobs.trajectories import Trajectories
from service.jobs.workers import SHORT_DESCENT, Cancelled, HowToSolve, Solver, is_short
from service.registry.datasets import Datasets
from service.registry.design import Recipe
from service.registry.errors import NoRowsKept, NotFound
from service.registry.models import Model
from service.registry.observations import Columns
from service.registry.summing import Summed
from service.registry.sums import Sums
from service.solver.errors import Diverges, Overflowed
from service.solver.evaluation import Evaluation
from service.solver.least_squares import LeastSquares
from service.solver.moments import Moments
from service.solver.rates import surely_stable_rate
from service.solver.sandwich import Sandwich
from service.store.tables import Store

# Eigenvalues in float64 are good to some 1e-14 of the largest; rates so near the limit are left to the balls.
DOUBTFUL = 1e-9
# Rows x coefficients squared of a robust fit that is made while its client waits: some 30 ms.
LITTLE = 1 << 21


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A model, and what is kept with it if its errors do not follow from its moments."""

    model: Model
    meat: NDArray[np.float64] | None  # (c, c) of its `Covariance`


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

    @property
    def rows(self) -> JobRows:
        return JobRows(self.store, self.datasets, self.rows_folder)

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

    def reads_little(self, task: Task, summed: Summed, inline: Columns | None) -> bool:
        """Whether a fit that is solved at once is done with its rows at once, too. Raises: NotFound."""
        n_coef = len(summed.moments.columns) - 1 + task.fit_intercept
        return not task.reads_rows or self.rows.number(task, summed, inline) * n_coef**2 <= LITTLE

    def closed_form(self, job: Job, summed: Summed, inline: Columns | None, progress: Progress = lambda _: None) -> Made:
        """The model of a task without a descent. Raises: Cancelled, and as the solver."""
        started = time.monotonic()
        task, fit = job.task, self._least_squares(job, summed)
        sandwich = robust.sandwich(task, fit, summed, self.solver, job.id)
        fitted = _fitted(summed, fit.evaluation, fit.rmse)
        figures = self._figures(job, summed, inline, fit, fitted, sandwich, progress)
        errors = robust.errors(task, fit, sandwich, figures.covariance)
        model = by_normal_equation(task, fit, summed.found, job.id, _ms_since(started), figures, errors)
        return Made(model, None if errors is None else errors.meat)

    def fit(self, active: Active, summed: Summed) -> Made:
        """The model that the task asks for.

        Raises: Cancelled; Overflowed: the descent left what a double can hold; and as the solver.
        """
        job, moments, started = active.job, summed.moments, time.monotonic()
        if job.task.descent is None:
            n_rows = self.rows.number(job.task, summed, active.inline)
            return self.closed_form(job, summed, active.inline, partial(_read, active, n_rows))
        fit = self._least_squares(job, summed)
        if job.task.descent.batch_size is None:
            arrival = self._descend(active, job.task.descent, moments)
        else:
            rows = self.rows.all(job)
            arrival = descend_by_batches(active, job.task.descent, moments, rows, self.store, self.checkpoint_s)
        if not np.isfinite(arrival.theta).all():
            raise Overflowed(arrival.learning_rate, arrival.largest_stable)
        fitted = _fitted(summed, Evaluation(tuple(arrival.theta.tolist()), (0.0,) * len(arrival.theta)), arrival.loss**0.5)
        figures = self._figures(job, summed, active.inline, fit, fitted, None, lambda _: None)
        return Made(by_descent(job.task, summed, fit, arrival, job.id, _ms_since(started), figures), None)

    def summed(self, active: Active) -> Summed:
        """What the job is a function of; made from the rows, and kept with it, if it is not there yet. Raises: Cancelled."""
        job = active.job
        found = active.summed or table.summed_of(self.store, job.id)
        if found is not None:
            return found

        def progress(n_read: int, n_rows: int) -> None:
            _read(active, n_rows, n_read)

        dataset, design = self.rows.dataset(job), job.task.design
        made = self.sums.of(dataset, design, progress)
        with self.store.write() as connection:
            table.keep_summed(connection, job.id, made)
        return made

    def _least_squares(self, job: Job, summed: Summed) -> LeastSquares:
        return self.solver.least_squares(summed.moments, _how(job.task, summed), job.id)

    def _figures(
        self,
        job: Job,
        summed: Summed,
        inline: Columns | None,
        fit: LeastSquares,
        fitted: Fitted,
        sandwich: Sandwich | None,
        progress: Progress,
    ) -> RowFigures:
        """What takes the rows. Raises: NotFound, NoRowsKept, Cancelled."""
        found = self._row_figures(job, summed, fitted, inline, sandwich, progress)
        if job.task.cv is None:
            return found
        return replace(found, cv=self._cross_validated(job, summed, inline, fit, fitted, progress))

    def _cross_validated(
        self, job: Job, summed: Summed, inline: Columns | None, fit: LeastSquares, fitted: Fitted, progress: Progress
    ) -> dict[str, Any]:
        """How far the fit is off on rows that it has not seen. Raises: NotFound, NoRowsKept, Cancelled."""
        task, moments = job.task, summed.moments
        rows = self.rows.of_fit(job, summed, inline)
        assert rows is not None  # noqa: S101 (a job that needs its rows has kept them)
        if isinstance(task.cv, int):
            return cross_validation.of_folds(task, _how(task, summed), summed, rows, task.cv, self.solver, job.id, progress)
        spread = None
        if fit.is_determined:
            made_of = rows.recipe.account(is_whole=not fit.dropped)
            spread = self.solver.spread(moments, fit.kept, task.fit_intercept, made_of, job.id)
        return cross_validation.leaving_one_out(task, fit, summed, rows, fitted, spread)

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

    def _row_figures(
        self, job: Job, summed: Summed, fitted: Fitted, inline: Columns | None, sandwich: Sandwich | None, progress: Progress
    ) -> RowFigures:
        """From the rows, if errors are made of them or they are few; else what the data set knows of them."""
        task, found = job.task, summed.found
        try:
            if sandwich is None:
                if self.rows.number(task, summed, inline) * len(summed.moments.columns) > MOST_CELLS:
                    return row_figures.nothing(row_figures.MANY_ROWS, self.rows.ranges(job))
                if inline is not None and task.design.is_plain and not (found.n_dropped or found.imputed):
                    return row_figures.of_plain(task, inline, fitted)
            rows = self.rows.of_fit(job, summed, inline)
            if rows is not None:
                return row_figures.of_rows(task, rows, fitted, sandwich, progress)
        except (NotFound, NoRowsKept):
            if sandwich is not None:
                raise
        return row_figures.nothing(row_figures.NO_ROWS, self.rows.ranges(job))


def _how(task: Task, summed: Summed) -> HowToSolve:
    # Columns as they are need no account of what they are made of, which takes as long as their fit.
    made_of = None if task.design.is_plain else Recipe.of(task.design, summed.found.levels).made_of
    scales = task.scales(summed.found) if task.design.timestamps else ()
    return HowToSolve(task.fit_intercept, task.l2, task.rank_deficient, made_of, scales)


def _ms_since(started: float) -> float:
    return (time.monotonic() - started) * 1e3


def _fitted(summed: Summed, evaluation: Evaluation, rms: float | None) -> Fitted:
    return Fitted(evaluation, rms, summed.moments.weight)


def _read(active: Active, n_rows: int, n_read: int) -> None:
    """So many rows have been read. Raises: Cancelled."""
    if not active.keep_going():
        raise Cancelled
    active.change(lambda job: job.reading(n_read, n_rows))
