"""From a solution to the model that is kept: what people read, and what predictions use."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.jobs.robust import Errors, with_errors
from service.jobs.row_figures import RowFigures
from service.jobs.task import Task
from service.jobs.the_whole import nothing, of_the_whole
from service.registry.design import Found, Recipe
from service.registry.idents import new_id, now
from service.registry.models import Model
from service.registry.summing import Summed
from service.solver.evaluation import Evaluation
from service.solver.inference import Inference, inference
from service.solver.least_squares import LeastSquares
from service.solver.loss import Loss
from service.solver.rounding import TOO_LARGE, finite

Floats = NDArray[np.float64]

# A parameter that agrees to so much with the least-squares one has arrived: inference is then that of the fit.
ARRIVED = 1e-12
STOPPED = "the descent stopped short of the least-squares fit, so its standard errors are not this model's"
_FIGURES = tuple(field.name for field in fields(Inference))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrival:
    """Where a descent ended."""

    epoch: int
    loss: float
    theta: Floats  # (1 + p,) intercept first
    learning_rate: float
    largest_stable: float
    diverges: bool  # or swings for ever
    left: tuple[float, float] | None = None  # to the optimum, in loss and in the furthest component, where it is known


def by_normal_equation(
    task: Task,
    fit: LeastSquares,
    found: Found,
    job_id: str,
    duration_ms: float,
    rows: RowFigures,
    errors: Errors | None = None,
) -> Model:
    """The model of a least-squares fit. Args: errors: those that were asked for in place of the classical ones."""
    judged = fit if errors is None else with_errors(fit, errors)
    read = _as_read(judged, are_classical=errors is None)
    whole = of_the_whole(task, fit, rows, errors)
    body = _common(task, fit, found, job_id, duration_ms) | {
        "intercept": fit.intercept,
        "coef": list(read.coef),
        "metrics": _metrics(fit, found, fit.mse, fit.rmse, fit.r2, rows.mae) | whole.figures,
        "inference": _rows(inference(read, task.level)) if errors is None else _robust_rows(read, task, errors),
        "descent": None,
        "ranges": rows.ranges,
        "cv": rows.cv,
        "n_clusters": None if errors is None else errors.n_clusters,
        "reasons": judged.reasons | rows.reasons | whole.reasons,
    }
    return Model(body["id"], body, fit.evaluation)


def _as_read(fit: LeastSquares, *, are_classical: bool) -> LeastSquares:
    """With coefficients by the units that were asked for."""
    scaled = fit.scaled
    if scaled is None:
        return fit
    first = len(fit.std_error) - len(fit.coef)
    errors = (
        scaled.std_error
        if are_classical
        else [
            None if error is None else finite(error * scale)
            for error, scale in zip(fit.std_error[first:], scaled.scales, strict=True)
        ]
    )
    return replace(fit, coef=scaled.coef, std_error=(*fit.std_error[:first], *errors))


def by_descent(
    task: Task, summed: Summed, fit: LeastSquares, arrival: Arrival, job_id: str, duration_ms: float, rows: RowFigures
) -> Model:
    """The model at the end of a descent, beside the fit it was heading for."""
    theta, optimum = arrival.theta, np.array(fit.theta.hi)
    arrived = bool(np.all(np.abs(theta - optimum) <= ARRIVED * np.abs(optimum)))
    intercept, *coef = theta.tolist()
    *features, target = summed.moments.columns
    loss_of = Loss(summed.moments, target, features, task.fit_intercept)
    mse, r2 = finite(arrival.loss), loss_of.r2(theta)
    whole = of_the_whole(task, fit, rows, None) if arrived else nothing(STOPPED)
    excess, distance = arrival.left or _left(loss_of, fit, theta)
    body = _common(task, fit, summed.found, job_id, duration_ms) | {
        "intercept": intercept,
        "coef": coef,
        "metrics": _metrics(
            fit,
            summed.found,
            mse,
            None if mse is None else mse**0.5,
            None if r2 is None else finite(r2),
            rows.mae,
        )
        | whole.figures,
        "inference": _rows(inference(replace(fit, intercept=intercept, coef=tuple(coef)), task.level)) if arrived else [],
        "descent": {
            "epoch": arrival.epoch,
            "stopped_early": arrival.epoch < (task.epochs or 0),
            "learning_rate": arrival.learning_rate,
            "largest_stable_learning_rate": arrival.largest_stable,
            "distance_to_optimum": {"loss": finite(excess), "coef": finite(distance)},
        },
        "ranges": rows.ranges,
        "cv": rows.cv,
        "n_clusters": None,
        "reasons": fit.reasons | rows.reasons | whole.reasons | _reasons_of(arrival, arrived=arrived),
    }
    return Model(body["id"], body, Evaluation((intercept, *coef), (0.0,) * len(theta)))


def _left(loss_of: Loss, fit: LeastSquares, theta: Floats) -> tuple[float, float]:
    """How far theta is from the fit: in loss, and in its furthest component."""
    hi, lo = np.array(fit.theta.hi), np.array(fit.theta.lo)
    return loss_of.excess(theta, hi, lo), float(np.abs(theta - hi - lo).max())


def _reasons_of(arrival: Arrival, *, arrived: bool) -> dict[str, str]:
    reasons = {} if isfinite(arrival.loss) else dict.fromkeys(("mse", "rmse"), TOO_LARGE)
    if not arrived:
        reasons |= {"sigma": STOPPED, "inference": STOPPED}
    if arrival.diverges:
        reasons["descent"] = "the learning rate is not stable: with more epochs the descent does not come nearer"
    return reasons


def _common(task: Task, fit: LeastSquares, found: Found, job_id: str, duration_ms: float) -> dict[str, Any]:
    design = task.design
    baselines = Recipe.of(design, found.levels).baselines if found.levels else {}
    return {
        "id": new_id("mdl"),
        "method": task.method,
        "n_samples": fit.n_samples,
        "n_features": len(design.features),
        "feature_names": list(design.features),
        "terms": list(fit.feature_names),
        "timestamps": list(design.timestamps),
        "target": design.target,
        "numbers": task.numbers,
        "rank": fit.rank,
        "dropped": list(fit.dropped),
        "condition_number": fit.condition_number,
        "supported_digits": fit.supported_digits,
        "categories": {
            name: {
                "type": "boolean" if name in design.booleans else "text",
                "baseline": baselines.get(name),
                "levels": levels,
            }
            for name, levels in found.levels.items()
        },
        "n_dropped": found.n_dropped,
        "imputed": {name: {"value": value, "n": found.n_imputed[name]} for name, value in found.imputed.items()},
        "job_id": job_id,
        "dataset_id": task.dataset_id,
        "dataset_version": task.dataset_version,
        "options": task.options(),
        "meta": {"created_at": now(), "duration_ms": round(duration_ms, 3)},
    }


def _rows(inferred: Iterable[Inference]) -> list[dict[str, Any]]:
    """As `asdict`, which copies each value with care and takes eight times as long."""
    return [{name: getattr(row, name) for name in _FIGURES} for row in inferred]


def _robust_rows(judged: LeastSquares, task: Task, errors: Errors) -> list[dict[str, Any]]:
    """Those of coefficients that have no such errors say why."""
    rows, why = _rows(inference(judged, task.level)), errors.reasons.get("std_error")
    return rows if why is None else [row if row["estimate"] is None else row | {"reason": why} for row in rows]


def _metrics(
    fit: LeastSquares, found: Found, mse: float | None, rmse: float | None, r2: float | None, mae: float | None
) -> dict[str, Any]:
    return {
        "n_samples": fit.n_samples,
        "n_dropped": found.n_dropped,
        "rank": fit.rank,
        "df_model": fit.glance.df_model,
        "df_resid": fit.df_resid,
        "mse": mse,
        "rmse": rmse,
        "mae": mae,
        "r2": r2,
    }
