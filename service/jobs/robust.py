"""From the sandwich that was asked for to the errors and tests of a fit."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.jobs.task import Task
from service.jobs.workers import Solver
from service.registry.design import Recipe
from service.registry.summing import Summed
from service.solver.glance import EXACT
from service.solver.hypotheses import SINGULAR, upper_tail
from service.solver.influence import influence
from service.solver.least_squares import NO_FEATURES, LeastSquares
from service.solver.sandwich import Covariance, Sandwich, wald

NOT_DETERMINED = "the columns are dependent: robust errors are of coefficients that the rows determine"


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What takes the place of the classical errors of a fit. A figure that does not exist is None, and `reasons` says why."""

    std_error: tuple[float | None, ...]  # the intercept's first when it is fitted
    df: int  # of t and F
    f_statistic: float | None
    f_p_value: float | None
    n_clusters: int | None
    meat: NDArray[np.float64] | None  # (c, c) of the `Covariance`
    reasons: dict[str, str]


def sandwich(task: Task, fit: LeastSquares, summed: Summed, solver: Solver, for_: str) -> Sandwich | None:
    """To add the rows to; None for a fit that has no errors, or the classical ones. Raises: Cancelled."""
    if task.cov_type == "classical" or fit.sigma is None or not fit.is_determined:
        return None
    recipe = Recipe.of(task.design, summed.found.levels)
    made_of = recipe.account(is_whole=not fit.dropped)
    target = summed.moments.columns[-1]
    made = solver.of_moments(
        1 + len(fit.feature_names), influence, [summed.moments], target, fit.kept, task.fit_intercept, made_of, for_=for_
    )
    return Sandwich(
        made, task.cov_type, task.numbers, sigma=fit.sigma, n=fit.df_resid + fit.rank, rank=fit.rank, n_rows=summed.moments.n_samples,
        is_repeated=task.design.weight_type == "frequency",
    )  # fmt: skip


def errors(task: Task, fit: LeastSquares, made: Sandwich | None, found: Covariance | None) -> Errors | None:
    """What the rows said; None: the errors are the classical ones."""
    if task.cov_type == "classical":
        return None
    if made is None or found is None or found.values is None:
        why = found.reason if found is not None else None
        why = why or (NOT_DETERMINED if not fit.is_determined else fit.reasons["sigma"])
        n_clusters = None if found is None else found.n_clusters
        reasons = dict.fromkeys(("std_error", "f_statistic", "f_p_value"), why)
        return Errors((None,) * len(fit.std_error), fit.df_resid, None, None, n_clusters, None, reasons)
    df = fit.df_resid if found.n_clusters is None else found.n_clusters - 1
    statistic, reasons = _f_statistic(fit, made, found)
    return Errors(
        std_error=_in_places(fit, found),
        df=df,
        f_statistic=statistic,
        f_p_value=None if statistic is None else upper_tail(fit.glance.df_model, df, statistic),
        n_clusters=found.n_clusters,
        meat=found.meat,
        reasons=reasons,
    )


def with_errors(fit: LeastSquares, found: Errors) -> LeastSquares:
    """The fit with these in place of its own; its degrees of freedom are those of t."""
    reasons = {name: why for name, why in fit.reasons.items() if name != "std_error"}
    return replace(fit, std_error=found.std_error, df_resid=found.df, reasons=reasons | found.reasons)


def _f_statistic(fit: LeastSquares, made: Sandwich, found: Covariance) -> tuple[float | None, dict[str, str]]:
    p = fit.glance.df_model
    why = NO_FEATURES if not p else EXACT
    statistic = None
    if p and fit.sigma:
        statistic, why = wald(made.influence, found, fit.sigma), SINGULAR
    if statistic is not None and np.isfinite(statistic):
        return statistic, {}
    return None, dict.fromkeys(("f_statistic", "f_p_value"), why)


def _in_places(fit: LeastSquares, found: Covariance) -> tuple[float | None, ...]:
    """Among all coefficients, the intercept's first; None for those that were dropped."""
    known = iter(found.std_error)
    values = [next(known)] if fit.fit_intercept else []
    return (*values, *(None if value is None else next(known) for value in fit.coef))
