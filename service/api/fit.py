"""`POST /fit`: read, solve, keep, answer."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from service.api import streams
from service.api.bodies import JSON, Pieces, cell_pointer, content_type, joined, json_body, parsed, unpacked
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
from service.api.fit_request import WEIGHTS, FitRequest
from service.api.idempotency import Claim, Key, claimed
from service.api.prepared import Prepared, inline, of_dataset
from service.api.problems import answer, responses
from service.api.services import Services, Use
from service.api.shown import JobOut, ModelOut, shown_job, shown_model
from service.api.versions import of_version
from service.ingest.errors import IngestError, MissingValue
from service.jobs.runner import Started
from service.jobs.state import Job, TooManyJobs
from service.registry.errors import (
    KeyInUse,
    KeyReused,
    LongCategory,
    NoRowsKept,
    NotFound,
    NotNumeric,
    NotSorted,
    TooManyTerms,
)
from service.solver import student
from service.solver.errors import Diverges, SolverError, TooFewClusters, TooManyClusters, UnknownColumn

router = APIRouter(tags=["fit"])

DEFAULT_WAIT_S = {"normal_equation": 10.0, "gradient_descent": 0.0}
PREFERS_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,18})(?![0-9])")

# What errors of these kinds are always about.
PLACES: dict[type[Exception], str] = {
    Diverges: "/learning_rate",
    NotSorted: "/between/column",
    TooFewClusters: "/cluster",
    TooManyClusters: "/cluster",
}
PROBLEMS = responses(
    BodyTooLarge, BodyTimeout, UnsupportedMediaType, IngestError, SolverError, NotFound, NotNumeric, InvalidKey, KeyReused,
    KeyInUse, InvalidValue, NotSupported, OptionNotUsed, OverLimit, TooManyTerms, LongCategory, TooManyJobs, StorageFull,
    NoRowsKept, NotSorted,
)  # fmt: skip


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
        limit = use.limits.max_json_bytes
        body = unpacked(request, claim.through(Pieces(request, limit, use.limits.body_idle_s)), limit)
        text = await joined(body)
        spec = await parsed(text, FitRequest)
        receipt = await asyncio.to_thread(claim.known) if claim.is_keyed else None
        kept = None if receipt is None else claim.answer(receipt)
        if kept is None:
            request.state.where = _where(spec)
            if not student.is_ready():
                await asyncio.to_thread(student.scipy_special)  # 0.16 s in the first fit, which others need not wait for
            start = partial(_start, use, spec, claim)
            if spec.is_short:
                await use.short_fits.turn()
            started = start() if spec.is_short else await asyncio.to_thread(start)
            if started.on_disk is not None:
                await asyncio.wrap_future(started.on_disk)
        else:
            started = Started(await asyncio.to_thread(use.jobs.get, kept["job_id"]))
    headers = {} if kept is None else {"Idempotency-Replayed": "true"}
    if streams.accepts_events(request):
        return streams.streamed_events(use, started.job, -1, None, headers | {"Location": f"/jobs/{started.job.id}"})
    return await _outcome(use, started, _wait_s(prefer, spec.method, use.limits.max_wait_s), headers)


def _start(use: Services, spec: FitRequest, claim: Claim) -> Started:
    """Raises: as `check`, `inline`, `of_dataset` and `Jobs.start` do."""
    spec.check()

    def begin(ready: Prepared) -> Started:
        def keep(job: Job, connection: sa.Connection) -> None:
            claim.keep(connection, {"job_id": job.id})

        return use.jobs.start(ready.task, ready.summed, ready.inline, keep if claim.is_keyed else None)

    if spec.dataset_id is None:
        return begin(inline(use, spec))
    return of_version(use, spec.dataset_id, spec.dataset_version, lambda dataset: begin(of_dataset(use, spec, dataset)))


async def _outcome(use: Services, started: Started, wait_s: float, headers: dict[str, str]) -> Response:
    """201 with the model, the problem, or 202 with the job."""
    job, model = started.job, started.model
    if wait_s:
        job = await use.jobs.outcome(job.id, wait_s) if not job.is_finished else job
        if job.model_id is not None:
            if model is None:
                model = await asyncio.to_thread(use.models.get, job.model_id)
            is_inline = model.body["dataset_id"] is None
            body = shown_model(model, use.datasets) if is_inline else await asyncio.to_thread(shown_model, model, use.datasets)
            return _json(body, 201, headers | {"Location": f"/models/{model.id}"})
        if job.problem is not None:
            return answer(job.problem | {"instance": f"/jobs/{job.id}"}, headers)
    return _json(shown_job(job), 202, headers | {"Location": f"/jobs/{job.id}"})


def _where(spec: FitRequest) -> Callable[[Exception], str]:
    """The pointer to what an error of the fit is about."""
    in_rows = cell_pointer(None, spec.X, spec.feature_names, spec.target)

    def where(error: Exception) -> str:
        for class_, pointer in PLACES.items():
            if isinstance(error, class_):
                return pointer
        if spec.is_inline:
            row = getattr(error, "row", None)
            is_weight = getattr(error, "column", None) == WEIGHTS and not isinstance(spec.weights, str | None)
            return f"/weights/{row}" if is_weight else in_rows(error)
        column = str(getattr(error, "column", ""))
        if isinstance(error, (UnknownColumn, NotNumeric)):
            features = spec.features or []
            if spec.between is not None and column == spec.between.column:
                return "/between/column"
            return f"/features/{features.index(column)}" if column in features else _role(spec, column)
        if isinstance(error, MissingValue):
            return "/cluster" if column == spec.cluster and spec.cluster not in (spec.features or []) else "/missing"
        return ""

    return where


def _role(spec: FitRequest, column: str) -> str:
    if column == spec.target:
        return "/target"
    return "/weights" if column == spec.weights else "/cluster" if column == spec.cluster else "/target"


def _wait_s(prefer: str | None, method: str, most: int) -> float:
    asked = PREFERS_WAIT.search(prefer or "")
    return DEFAULT_WAIT_S[method] if asked is None else float(min(int(asked[1]), most))


def _json(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, JSON)
