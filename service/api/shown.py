"""Jobs and models as clients see them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.ingest.times import iso
from service.jobs.state import Job
from service.registry.datasets import Datasets
from service.registry.models import Model


class Metrics(BaseModel):
    """How well the model fits its rows. A figure that does not exist is null, and `reasons` says why."""

    n_samples: int = Field(description="rows that count")
    n_dropped: int = Field(description="rows left out because a cell was missing")
    rank: int = Field(description="coefficients that are determined, the intercept included")
    df_model: int = Field(description="rank, less one with an intercept")
    df_resid: int = Field(description="n_samples less rank")
    mse: float | None = Field(description="sum of squared residuals over n")
    rmse: float | None = Field(description="root of mse")
    mae: float | None = Field(description="mean of the absolute residuals, by weight")
    sigma: float | None = Field(description="sqrt of the sum of squared residuals over df_resid")
    r2: float | None = Field(description="about the mean; about 0 without an intercept")
    r2_adj: float | None = Field(description="1 - (1 - r2) (n - 1) / df_resid; n in place of n - 1 without an intercept")
    f_statistic: float | None = Field(description="that all coefficients but the intercept are 0; as `cov_type` has it")
    f_p_value: float | None
    log_likelihood: float | None = Field(description="of normal errors, at its maximum")
    aic: float | None = Field(description="2 rank - 2 log_likelihood, as statsmodels counts; R adds 2 for sigma")
    bic: float | None = Field(description="rank log(n) - 2 log_likelihood")


class InferenceRow(BaseModel):
    """What is known of one coefficient; the interval is at `level` of the options."""

    term: str
    estimate: float | None
    std_error: float | None
    t_value: float | None
    p_value: float | None
    ci_lower: float | None
    ci_upper: float | None
    reason: str | None = Field(description="why a figure is null")


class Distance(BaseModel):
    """How far a descent is from the least-squares fit."""

    loss: float | None = Field(description="loss above the least one")
    coef: float | None = Field(description="largest difference of a coefficient or the intercept")


class DescentOut(BaseModel):
    """Where a descent ended."""

    epoch: int
    stopped_early: bool = Field(description="whether `tol` stopped it before the last epoch asked for")
    learning_rate: float
    largest_stable_learning_rate: float = Field(
        description="batch descent: the largest rate that does not diverge; mini-batch: the largest proven stable on average"
    )
    distance_to_optimum: Distance


class Categories(BaseModel):
    """The categories of a column; each but the baseline has a coefficient: its difference from the baseline."""

    type: Literal["text", "boolean"] = Field(description="what the column must be of in predictions")
    baseline: str | None = Field(description="null where each has one, as without an intercept")
    levels: list[str]


class Imputed(BaseModel):
    """A value for the missing cells of a column, and how many there were."""

    value: float | str
    n: int


class FoldOut(BaseModel):
    """A fold, held against the fit of all rows but its own."""

    n_samples: int
    mse: float | None
    rmse: float | None
    reason: str | None = Field(description="why a figure is null")


class CrossValidation(BaseModel):
    """How far the fit is off on rows that it has not seen. A figure that does not exist is null, and `reasons` says why."""

    folds: int | Literal["leave_one_out"]
    mse: float | None = Field(description="the mean of the squares over all rows, each by the fit without its fold")
    rmse: float | None
    r2: float | None = Field(description="1 less mse over the mean square of the target, about the mean of all rows")
    mse_std_error: float | None = Field(description="standard deviation of the mse of the folds over the root of their number")
    of_folds: list[FoldOut]
    reasons: dict[str, str]


class Meta(BaseModel):
    """When, and how long it took."""

    created_at: str
    duration_ms: float


class ModelOut(BaseModel):
    """A fitted model. It never changes."""

    id: str
    method: Literal["normal_equation", "gradient_descent"]
    n_samples: int
    n_features: int
    feature_names: list[str] = Field(description="the columns that predictions are made from")
    terms: list[str] = Field(description="what `coef` belongs to: the features, their powers, products and categories")
    timestamps: list[str] = Field(
        description="the features that are times: their coefficients are by the unit `per` of the options"
    )
    target: str
    numbers: Literal["float64", "decimal"]
    intercept: float
    coef: list[float | None] = Field(description="a coefficient a term; null for one that was dropped")
    metrics: Metrics
    inference: list[InferenceRow] = Field(description="the intercept first, its term `intercept`")
    descent: DescentOut | None
    ranges: dict[str, list[float | str]] | None = Field(
        description="the least and the largest of each feature of numbers or times, where known"
    )
    n_clusters: int | None = Field(description='how many there were, with cov_type "cluster"')
    rank: int
    dropped: list[str] = Field(description="terms that depend on others and were left out")
    condition_number: float | None = Field(description="of the centred and scaled columns")
    supported_digits: float | None = Field(description="digits of the worst coefficient that the data support")
    categories: dict[str, Categories] = Field(description="of columns of text and booleans")
    n_dropped: int = Field(description="rows left out because a cell was missing")
    imputed: dict[str, Imputed] = Field(description="what stands for the missing cells of a column")
    cv: CrossValidation | None = Field(description="with `cv`: how far the fit is off on rows that it has not seen")
    reasons: dict[str, str] = Field(description="why figures are null, by their names")
    job_id: str
    dataset_id: str | None
    dataset_version: int | None
    dataset_gone: bool = Field(description="whether the data set has been deleted since")
    stale: bool = Field(description="whether its version of the data set is gone, because rows were taken away since")
    options: dict[str, Any]
    meta: Meta


class JobOut(BaseModel):
    """A fit under way, or ended."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    method: Literal["normal_equation", "gradient_descent"]
    epoch: int | None = Field(description="the last epoch reached; null for the normal equation")
    epochs: int | None
    progress: float = Field(description="0 to 1")
    events: str = Field(description="where its server-sent events are")
    model_id: str | None
    problem: dict[str, Any] | None
    options: dict[str, Any]
    created_at: str
    finished_at: str | None


def shown_model(model: Model, datasets: Datasets) -> dict[str, Any]:
    """A model as clients see it; looks up whether its data set is still there, and its rows."""
    dataset_id = model.body["dataset_id"]
    standing = "here" if dataset_id is None else datasets.standing(dataset_id, model.body["dataset_version"])
    shown = model.body | {"dataset_gone": standing == "gone", "stale": standing == "stale"}
    return shown | _times(model, shown) if model.timestamps else shown


def _times(model: Model, shown: dict[str, Any]) -> dict[str, Any]:
    """What of a model is times, as text; it has them as microseconds since 1970."""
    imputed, ranges = dict(shown["imputed"]), None if shown["ranges"] is None else dict(shown["ranges"])
    for name in model.timestamps:
        if name in imputed:
            imputed[name] = imputed[name] | {"value": iso(int(imputed[name]["value"]))}
        if ranges and name in ranges:
            ranges[name] = [iso(int(value)) for value in ranges[name]]
    return {"imputed": imputed, "ranges": ranges}


def shown_job(job: Job) -> dict[str, Any]:
    """A job as clients see it."""
    return {
        "id": job.id,
        "state": job.state,
        "method": job.task.method,
        "epoch": job.epoch if job.task.descent is not None else None,
        "epochs": job.task.epochs,
        "progress": job.progress,
        "events": f"/jobs/{job.id}/events",
        "model_id": job.model_id,
        "problem": job.problem,
        "options": job.task.options(),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }
