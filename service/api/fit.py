"""`POST /fit`: read, solve, keep, answer."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import pyarrow as pa
import sqlalchemy as sa
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from service.api import streams
from service.api.bodies import JSON, cell_pointer, content_type, joined, json_body, parsed, pieces
from service.api.errors import (
    BodyTimeout,
    BodyTooLarge,
    InvalidKey,
    InvalidValue,
    NotSupported,
    OptionNotUsed,
    OverLimit,
    StorageFull,
    UnsupportedMediaType,
)
from service.api.fit_request import FitRequest
from service.api.idempotency import Key, claimed
from service.api.problems import answer, responses
from service.api.services import Services, Use
from service.api.shown import JobOut, ModelOut, shown_job, shown_model
from service.ingest import json_rows
from service.ingest.errors import IngestError
from service.jobs.state import Job, TooManyJobs
from service.jobs.task import Task
from service.registry.absorb import block_of
from service.registry.errors import KeyInUse, KeyReused, NotFound, NotNumeric
from service.solver.errors import Diverges, SolverError, UnknownColumn
from service.solver.moments import Moments
from service.solver.summation import Summation

router = APIRouter(tags=["fit"])

DEFAULT_WAIT_S = {"normal_equation": 10.0, "gradient_descent": 0.0}
PREFERS_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,18})(?![0-9])")

PROBLEMS = responses(
    BodyTooLarge, BodyTimeout, UnsupportedMediaType, IngestError, SolverError, NotFound, NotNumeric, InvalidKey, KeyReused,
    KeyInUse, InvalidValue, NotSupported, OptionNotUsed, OverLimit, TooManyJobs, StorageFull,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a job is started with: the moments if they are there, and the rows of an inline mini-batch descent."""

    task: Task
    moments: Moments | None
    rows: pa.RecordBatch | None


@router.post(
    "/fit", status_code=201, response_model=ModelOut,
    responses=PROBLEMS | streams.IN_OPENAPI | {202: {"model": JobOut, "description": "The job that is making the model."}},
    openapi_extra=json_body(FitRequest, example={"X": [[0.0], [1.0], [2.0]], "y": [1.0, 3.0, 5.5]}),
)  # fmt: skip
async def fit(
    request: Request,
    use: Use,
    key: Key = None,
    prefer: Annotated[str | None, Header(description="`wait=N`: seconds to wait for the model, at most 60")] = None,
) -> Response:
    """Fit: the model if it is ready within the wait, else the job that is making it; or the job's events, if they are accepted.

    The default wait is 10 s for the normal equation and 0 for descent.
    """
    content_type(request, (JSON,))
    async with claimed(use.receipts, key, request) as claim:
        text = await joined(claim.through(pieces(request, use.limits.max_json_bytes, use.limits.body_idle_s)))
        spec = await parsed(text, FitRequest)
        receipt = await asyncio.to_thread(claim.known)
        kept = None if receipt is None else claim.answer(receipt)
        if kept is None:
            request.state.where = _where(spec)

            def start() -> Job:
                ready = _prepared(use, spec)

                def keep(connection: sa.Connection, job: Job) -> None:
                    claim.keep(connection, {"job_id": job.id})

                return use.jobs.start(ready.task, ready.moments, ready.rows, keep)

            job = await asyncio.to_thread(start)
        else:
            job = await asyncio.to_thread(use.jobs.get, kept["job_id"])
    headers = {} if kept is None else {"Idempotency-Replayed": "true"}
    if streams.accepts_events(request):
        return streams.streamed_events(use, job, -1, None, headers | {"Location": f"/jobs/{job.id}"})
    return await _outcome(use, job, _wait_s(prefer, spec.method, use.limits.max_wait_s), headers)


async def _outcome(use: Services, job: Job, wait_s: float, headers: dict[str, str]) -> Response:
    """201 with the model, the problem, or 202 with the job."""
    if wait_s:
        job = await use.jobs.outcome(job.id, wait_s) if not job.is_finished else job
        if job.model_id is not None:
            model = await asyncio.to_thread(use.models.get, job.model_id)
            body = await asyncio.to_thread(shown_model, model, use.datasets)
            return _json(body, 201, headers | {"Location": f"/models/{model.id}"})
        if job.problem is not None:
            return answer(job.problem | {"instance": f"/jobs/{job.id}"}, headers)
    return _json(shown_job(job), 202, headers | {"Location": f"/jobs/{job.id}"})


def _prepared(use: Services, spec: FitRequest) -> Prepared:
    spec.check()
    return _inline(use, spec) if spec.is_inline else _of_dataset(use, spec)


def _inline(use: Services, spec: FitRequest) -> Prepared:
    assert spec.X is not None and spec.y is not None  # noqa: S101, PT018 (checked)
    rows = json_rows.from_matrix(spec.X, spec.y, spec.feature_names, spec.target)
    *features, target = rows.schema.names
    _check_width(features, use)
    numbers = spec.numbers or "float64"
    summation = Summation(rows.schema.names, numbers)
    summation.add(block_of(rows, rows.schema.names))
    task = Task(
        target=target, features=tuple(features), fit_intercept=spec.fit_intercept, numbers=numbers, dataset_id=None,
        dataset_version=None, descent=spec.descent(len(features), use.limits),
    )  # fmt: skip
    return Prepared(task, summation.result(), rows if spec.batch_size is not None else None)


def _of_dataset(use: Services, spec: FitRequest) -> Prepared:
    assert spec.dataset_id is not None and spec.target is not None  # noqa: S101, PT018 (checked)
    dataset = use.datasets.get(spec.dataset_id, spec.dataset_version)
    target = dataset.numeric("target", spec.target)
    if spec.features is None:
        numeric = [column.name for column in dataset.columns if column.type == "number"]
        features = [name for name in numeric if name != target]
    else:
        features = [dataset.numeric("feature", name) for name in spec.features]
        for i, name in enumerate(features):
            if name == target or name in features[:i]:
                why = "the target" if name == target else "named twice"
                raise InvalidValue(f"/features/{i}", f"the feature {name!r} is {why}")
    if spec.features == []:
        raise InvalidValue("/features", "the list is empty: name a feature, or leave it out to take all other numeric columns")
    if not features:
        left_out = [column.name for column in dataset.columns if column.type != "number"]
        also = f"; {', '.join(left_out)} are not numeric, and no features yet" if left_out else ""
        raise InvalidValue("/features", f"there is no feature: {dataset.id} has no numeric column besides the target" + also)
    _check_width(features, use)
    task = Task(
        target=target, features=tuple(features), fit_intercept=spec.fit_intercept, numbers=dataset.numbers,
        dataset_id=dataset.id, dataset_version=dataset.version, descent=spec.descent(len(features), use.limits),
    )  # fmt: skip
    return Prepared(task, use.sums.known(dataset, task.columns), None)


def _check_width(features: list[str], use: Services) -> None:
    if len(features) >= use.limits.max_columns:
        raise OverLimit("/features", "columns of a fit", len(features) + 1, use.limits.max_columns)


def _where(spec: FitRequest) -> Callable[[Exception], str]:
    """The pointer to what an error of the fit is about."""
    in_rows = cell_pointer(None, spec.X, spec.feature_names, spec.target)

    def where(error: Exception) -> str:
        if isinstance(error, Diverges):
            return "/learning_rate"
        if spec.is_inline:
            return in_rows(error)
        column = str(getattr(error, "column", ""))
        if isinstance(error, (UnknownColumn, NotNumeric)):
            features = spec.features or []
            return f"/features/{features.index(column)}" if column in features else "/target"
        return ""

    return where


def _wait_s(prefer: str | None, method: str, most: int) -> float:
    asked = PREFERS_WAIT.search(prefer or "")
    return DEFAULT_WAIT_S[method] if asked is None else float(min(int(asked[1]), most))


def _json(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, JSON)
