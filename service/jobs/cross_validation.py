"""How far a fit is off on rows that it has not seen: each fold is held against the fit of all rows but its own."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.jobs.diagnosed import left_out
from service.jobs.row_figures import Fitted
from service.jobs.task import Task
from service.jobs.workers import HowToSolve, Solver
from service.registry.folds import moments_by_fold
from service.registry.observations import RowsOfFit
from service.registry.summing import Summed
from service.solver.diagnostics import Fit
from service.solver.errors import Diverges, SolverError
from service.solver.least_squares import CONSTANT_TARGET, NOT_UNIQUE, ZERO_TARGET, LeastSquares
from service.solver.leverage import Spread
from service.solver.loss import Floats, Loss
from service.solver.moments import Moments
from service.solver.rounding import TOO_LARGE

Progress = Callable[[int], None]

NO_ROWS = "the fit counts no row of this fold"
LACKS_FOLDS = "a fold has no figure: its own reason says why"
NO_SPREAD = "takes folds of several rows: ask for a number of them"
FIGURES = ("mse", "rmse", "r2", "mse_std_error")
LEAVE_ONE_OUT = "leave_one_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What was found of a fold: the mean of its squared residuals, and what its rows weigh in all."""

    n_samples: int
    weight: float
    mse: float | None
    reason: str | None = None


def of_folds(
    task: Task, how: HowToSolve, summed: Summed, rows: RowsOfFit, k: int, solver: Solver, job_id: str, progress: Progress
) -> dict[str, Any]:
    """What `cv` of a model says. Raises: Cancelled; as `moments_by_fold`."""
    folds = moments_by_fold(rows, task.numbers, k, progress)
    found = [_held_out(task, how, summed.moments - fold, fold, solver, job_id) for fold in folds]
    return {"folds": k, **_together(found, summed.moments, task.fit_intercept), "of_folds": [_shown(fold) for fold in found]}


def _held_out(task: Task, how: HowToSolve, others: Moments, fold: Moments, solver: Solver, job_id: str) -> Fold:
    n, weight = fold.n_samples, fold.weight
    if not n:
        return Fold(n_samples=0, weight=0.0, mse=None, reason=NO_ROWS)
    *features, target = fold.columns
    try:
        theta, rest = _theta(task, how, others, solver, job_id)
    except SolverError as error:
        return Fold(n_samples=n, weight=weight, mse=None, reason=f"without it: {error}")
    mse = Loss(fold, target, features, task.fit_intercept)(theta, rest)
    if not math.isfinite(mse):
        return Fold(n_samples=n, weight=weight, mse=None, reason=TOO_LARGE)
    return Fold(n_samples=n, weight=weight, mse=mse)


def _theta(task: Task, how: HowToSolve, moments: Moments, solver: Solver, job_id: str) -> tuple[Floats, Floats | None]:
    """The coefficients of these rows, as the task asks for them, and what the doubles lack. Raises: as the solver."""
    if task.descent is None:
        fit = solver.least_squares(moments, how, job_id)
        return np.array(fit.theta.hi), np.array(fit.theta.lo)
    path = solver.trajectory(moments, task.fit_intercept, task.descent.learning_rate, job_id)
    if path.diverges and task.descent.on_divergence == "error":
        raise Diverges(path.learning_rate, path.largest_stable)
    epochs, tol = task.descent.epochs, task.descent.tol
    _, theta = path.at(np.array([epochs if tol is None else path.stop(tol, epochs)]))
    return theta[0], None


def _together(found: Sequence[Fold], moments: Moments, fit_intercept: bool) -> dict[str, Any]:
    """The figures of all folds: each counts as much as its rows."""
    known = [(fold.mse, fold.weight) for fold in found if fold.mse is not None]
    if any(fold.mse is None and fold.reason != NO_ROWS for fold in found):
        return dict.fromkeys(FIGURES) | {"reasons": dict.fromkeys(FIGURES, LACKS_FOLDS)}
    mse = math.fsum(mse * weight for mse, weight in known) / math.fsum(weight for _, weight in known)
    r2, reasons = _r2(mse, moments, fit_intercept)
    return {
        "mse": mse,
        "rmse": math.sqrt(mse),
        "r2": r2,
        "mse_std_error": float(np.std([mse for mse, _ in known], ddof=1)) / math.sqrt(len(known)),
        "reasons": reasons,
    }


def _r2(mse: float, moments: Moments, fit_intercept: bool) -> tuple[float | None, dict[str, str]]:
    """The share of the target's mean square that is not off, or why there is none."""
    *features, target = moments.columns
    square = Loss(moments, target, features, fit_intercept).mean_square
    if not square:
        return None, {"r2": CONSTANT_TARGET if fit_intercept else ZERO_TARGET}
    return 1 - mse / square, {}


def _shown(fold: Fold) -> dict[str, Any]:
    rmse = None if fold.mse is None else math.sqrt(fold.mse)
    return {"n_samples": fold.n_samples, "mse": fold.mse, "rmse": rmse, "reason": fold.reason}


def leaving_one_out(
    task: Task, fit: LeastSquares, summed: Summed, rows: RowsOfFit, fitted: Fitted, spread: Spread | None
) -> dict[str, Any]:
    """The same with each row a fold of its own, from what the rows make of the one fit: exactly what n fits would say.

    Args: spread: of the fit; None: it has none, as its columns are dependent. Raises: NotFound: the rows are gone.
    """
    whole: dict[str, Any] = {"folds": LEAVE_ONE_OUT, **dict.fromkeys(FIGURES), "of_folds": []}
    if spread is None or fitted.rms is None:
        why = NOT_UNIQUE if spread is None else TOO_LARGE
        return whole | {"reasons": dict.fromkeys(FIGURES, why)}
    plan = rows.recipe.plan
    of = Fit(
        evaluation=fit.evaluation, numbers=task.numbers, plan=plan, spread=spread, sigma=fit.sigma, df_resid=fit.df_resid,
        rank=fit.rank, is_exact=fitted.rms == 0, is_repeated=task.design.weight_type == "frequency",
    )  # fmt: skip
    found = left_out(rows, of, fitted.rms, fitted.weight)
    if found.press is None:
        return whole | {"reasons": dict.fromkeys(FIGURES, found.reasons["press"])}
    mse = found.press / fitted.weight
    r2, reasons = _r2(mse, summed.moments, task.fit_intercept)
    return whole | {"mse": mse, "rmse": found.rmse_loo, "r2": r2, "reasons": {"mse_std_error": NO_SPREAD} | reasons}
