"""`/models/{id}/diagnostics`: the rows of a model with their residuals, leverages and Cook's distances, and what they add up to."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON
from service.api.errors import InvalidValue
from service.api.lists import Limit
from service.api.problems import responses
from service.api.services import Services, Use
from service.ingest.json_rows import Integer
from service.jobs.diagnosed import COLUMNS, MOST_LARGEST, Rows
from service.jobs.diagnosing import Diagnosis, reasons_of
from service.jobs.workers import WorkerLost
from service.registry.errors import InlineRowsNotKept, NoRowsKept, NotFound
from service.registry.models import Model
from service.solver.diagnostics import NO_FREEDOM, OTHERS_EXACT

router = APIRouter(tags=["models"])

By = Literal["residual", "leverage", "std_residual", "studentized_residual", "cooks_distance"]


class RowOut(BaseModel):
    """A row that the fit counts; a figure that does not exist is null."""

    row: int = Field(description="its number in the data set, or in the call")
    observed: float
    fitted: float | None
    residual: float | None = Field(description="observed - fitted, whatever the row's weight")
    leverage: float | None = Field(description="w x (X'WX)^-1 x': how much of its own fitted value it makes")
    std_residual: float | None = Field(description="residual root(w) / (sigma root(1 - leverage)); R: rstandard")
    studentized_residual: float | None = Field(description="the same with the sigma of a fit without the row; R: rstudent")
    cooks_distance: float | None = Field(description="std_residual^2 leverage / (1 - leverage) / rank")


class Quartiles(BaseModel):
    """Of the residuals, interpolated as R and numpy do by default (type 7)."""

    min: float
    q1: float | None
    median: float | None
    q3: float | None
    max: float


class BreuschPaganOut(BaseModel):
    """Whether the squares of the residuals depend on the terms: Koenker's studentised form."""

    lm: float = Field(description="n R² of their regression, chi-squared of as many degrees of freedom as there are terms")
    lm_p_value: float
    f: float | None
    f_p_value: float | None


class JarqueBeraOut(BaseModel):
    """Whether the residuals have the skew and the kurtosis of a normal distribution: chi-squared of 2 degrees of freedom."""

    statistic: float
    p_value: float
    skew: float
    kurtosis: float = Field(description="3 for a normal distribution")


class SummaryOut(BaseModel):
    """What all rows say."""

    residual: Quartiles | None
    mae: float | None
    durbin_watson: float | None = Field(description="in the order of the rows; near 2 if neighbours have nothing in common")
    breusch_pagan: BreuschPaganOut | None
    jarque_bera: JarqueBeraOut | None
    vif: dict[str, float | None] | None = Field(description="of each term: 1 / (1 - R²) of its regression on the others")
    press: float | None = Field(description="sum of the squared errors at each row of a fit to the others, exactly")
    rmse_loo: float | None = Field(description="root of press / n")
    r2_pred: float | None = Field(description="1 - press / the sum of squares that r2 is a part of")
    max_leverage: float | None


class DiagnosticsOut(BaseModel):
    """A page of rows in their order, or those with the largest of one figure, and the summary of all rows."""

    model_id: str
    n_samples: int
    summary: SummaryOut | None = Field(description="null with summary=false")
    items: list[RowOut]
    next: int | None = Field(description="the next page's `after`; null at the end, and with `top`")
    reasons: dict[str, str] = Field(description="why figures are null, by their names")


@router.get(
    "/models/{model_id}/diagnostics", response_model=DiagnosticsOut,
    responses=responses(NotFound, NoRowsKept, InlineRowsNotKept, InvalidValue, WorkerLost),
)  # fmt: skip
async def get_diagnostics(
    request: Request,
    use: Use,
    model_id: str,
    limit: Limit = 50,
    after: Annotated[Integer | None, Query(ge=0, description="the row to go on after: `next` of the page before")] = None,
    top: Annotated[
        Integer | None, Query(ge=1, le=MOST_LARGEST, description="so many rows with the largest `by` instead")
    ] = None,
    by: Annotated[
        By | None, Query(description="with `top`, by its size whatever its sign; cooks_distance if left out")
    ] = None,
    summary: Annotated[bool, Query(description="whether the summary of all rows is wanted")] = True,
) -> Response:
    """What each row of a model is, by itself and to the fit, and what all of them say of it."""
    if top is None and by is not None:
        raise InvalidValue("", "by takes effect with top", parameter="by")
    if top is not None and after is not None:
        raise InvalidValue("", "rows in their order have pages, the largest have none: after or top", parameter="after")

    def made() -> Response:
        model = use.models.get(model_id)
        if top is None:
            rows, next_ = use.diagnoses.rows(model).page(limit, after)
        else:
            rows, next_ = use.diagnoses.largest(model, by or "cooks_distance", top), None
        headers = {}
        if next_ is not None:
            url = request.url.include_query_params(after=next_)
            headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        body = _shown(use, model, rows, is_summed=summary) | {"next": next_}
        return Response(orjson.dumps(body), headers=headers, media_type=JSON)

    return await asyncio.to_thread(made)


def _shown(use: Services, model: Model, rows: Rows, *, is_summed: bool) -> dict[str, Any]:
    names = ("row", *COLUMNS)
    values = zip(rows.places.tolist(), *rows.values.T.tolist(), strict=True)
    reasons = _of_rows(rows) | reasons_of(model)
    summary = None
    if is_summed:
        summary, why = shown_diagnosis(use.diagnoses.of(model))
        reasons |= why
    else:
        reasons = {name: why for name, why in reasons.items() if name in COLUMNS}
    return {
        "model_id": model.id,
        "n_samples": model.body["n_samples"],
        "summary": summary,
        "items": [dict(zip(names, row, strict=True)) for row in values],  # orjson writes null for NaN
        "reasons": reasons,
    }


def shown_diagnosis(found: Diagnosis) -> tuple[dict[str, Any], dict[str, str]]:
    """The summary as clients see it, and why figures of it are null."""
    summary = asdict(found.residuals) | {"r2_pred": found.r2_pred, "vif": found.vif}
    return summary, summary.pop("reasons") | found.reasons


def _of_rows(rows: Rows) -> dict[str, str]:
    """Why some of these rows lack figures that others have."""
    reasons: dict[str, str] = {}
    leverage, student = (rows.values[:, COLUMNS.index(name)] for name in ("leverage", "studentized_residual"))
    lacking, fixed = np.isnan(student), leverage == 1
    if (lacking & ~fixed).any():
        reasons["studentized_residual"] = OTHERS_EXACT.format(int(rows.places[lacking & ~fixed][0]))
    if fixed.any():
        why = NO_FREEDOM.format(int(rows.places[fixed][0]))
        reasons |= dict.fromkeys(("std_residual", "studentized_residual", "cooks_distance"), why)
    return reasons
