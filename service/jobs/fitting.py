"""From a solution to the model that is kept: what people read, and what predictions use."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.jobs.task import Task
from service.registry.idents import new_id, now
from service.registry.models import Model
from service.solver.evaluation import Evaluation
from service.solver.inference import inference
from service.solver.least_squares import LeastSquares
from service.solver.moments import Moments
from service.solver.spread import mean_square

# A parameter that agrees to so much with the least-squares one has arrived: inference is then that of the fit.
ARRIVED = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrival:
    """Where a descent ended."""

    epoch: int
    loss: float
    theta: NDArray[np.float64]  # (1 + p,) intercept first
    learning_rate: float
    largest_stable: float
    diverges: bool


def by_normal_equation(task: Task, fit: LeastSquares, job_id: str, duration_ms: float) -> Model:
    """The model of a least-squares fit."""
    body = _common(task, fit, job_id, duration_ms) | {
        "intercept": fit.intercept,
        "coef": list(fit.coef),
        "metrics": _metrics(fit, fit.mse, fit.rmse, fit.r2, fit.sigma),
        "inference": [asdict(row) for row in inference(fit)],
        "descent": None,
        "reasons": _reasons(fit.reasons),
    }
    return Model(body["id"], body, fit.evaluation)


def by_descent(task: Task, moments: Moments, fit: LeastSquares, arrival: Arrival, job_id: str, duration_ms: float) -> Model:
    """The model at the end of a descent, beside the fit it was heading for."""
    theta = [float(value) for value in arrival.theta]
    optimum = np.array([fit.intercept, *fit.coef])
    arrived = bool(np.all(np.abs(arrival.theta - optimum) <= ARRIVED * np.abs(optimum)))
    reasons = dict(fit.reasons)
    if not arrived:
        for figure in ("sigma", "inference"):
            reasons[figure] = "the descent stopped short of the least-squares fit, so its standard errors are not this model's"
    if arrival.diverges:
        reasons["descent"] = (
            "the learning rate diverges: the descent ended further away than it began, or will with more epochs"
        )
    total = mean_square(moments, task.target, about_mean=task.fit_intercept)
    r2 = 1.0 - arrival.loss / total if total else None
    body = _common(task, fit, job_id, duration_ms) | {
        "intercept": theta[0],
        "coef": theta[1:],
        "metrics": _metrics(fit, arrival.loss, arrival.loss**0.5, r2, fit.sigma if arrived else None),
        "inference": [asdict(row) for row in inference(fit)] if arrived else [],
        "descent": {
            "epoch": arrival.epoch,
            "stopped_early": arrival.epoch < (task.epochs or 0),
            "learning_rate": arrival.learning_rate,
            "largest_stable_learning_rate": arrival.largest_stable,
            "distance_to_optimum": {
                "loss": None if fit.mse is None else max(arrival.loss - fit.mse, 0.0),
                "coef": float(np.abs(arrival.theta - optimum).max()),
            },
        },
        "reasons": _reasons(reasons),
    }
    return Model(body["id"], body, Evaluation(tuple(theta), (0.0,) * len(theta)))


def _common(task: Task, fit: LeastSquares, job_id: str, duration_ms: float) -> dict[str, Any]:
    return {
        "id": new_id("mdl"),
        "method": task.method,
        "n_samples": fit.n_samples,
        "n_features": len(task.features),
        "feature_names": list(task.features),
        "target": task.target,
        "numbers": task.numbers,
        "rank": fit.rank,
        "condition_number": None,
        "supported_digits": None,
        "job_id": job_id,
        "dataset_id": task.dataset_id,
        "dataset_version": task.dataset_version,
        "options": task.options(),
        "meta": {"created_at": now(), "duration_ms": round(duration_ms, 3)},
    }


def _metrics(
    fit: LeastSquares, mse: float | None, rmse: float | None, r2: float | None, sigma: float | None
) -> dict[str, Any]:
    return {"mse": mse, "rmse": rmse, "sigma": sigma, "r2": r2, "df_resid": fit.df_resid}


def _reasons(reasons: dict[str, str]) -> dict[str, str]:
    """Why figures are null."""
    later = {"condition_number": "not supported yet", "supported_digits": "not supported yet"}
    return later | reasons
