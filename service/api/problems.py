"""Every error a client can get: RFC 9457 problems with a stable type. The one place where errors meet HTTP."""

import errno
import logging
from collections.abc import Callable
from typing import Any

import orjson
import sqlalchemy as sa
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from service.api.errors import (
    ApiError,
    BodyTimeout,
    BodyTooLarge,
    IncompleteBody,
    InvalidKey,
    InvalidValue,
    NoInterval,
    NotAcceptable,
    NotComparable,
    NotReady,
    NotSupported,
    NotTestable,
    OptionNotUsed,
    OverLimit,
    PredictionOutOfRange,
    StorageFull,
    UnseenCategory,
    UnsupportedEncoding,
    UnsupportedMediaType,
    WrongParameter,
)
from service.ingest import errors as ingest
from service.jobs import state as jobs
from service.jobs.workers import WorkerLost
from service.registry import errors as registry
from service.solver import errors as solver

log = logging.getLogger(__name__)


PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    ingest.NotJson: (400, "not-json"),
    ingest.BadCsv: (400, "bad-csv"),
    ingest.BadArrow: (400, "bad-arrow"),
    ingest.BadParquet: (400, "bad-parquet"),
    ingest.BadNumpy: (400, "bad-numpy"),
    ingest.BadMultipart: (400, "bad-multipart"),
    ingest.BadEncoding: (400, "bad-encoding"),
    ingest.BadSource: (422, "bad-source"),
    ingest.InvalidFields: (422, "invalid-fields"),
    ingest.RaggedRow: (422, "ragged-row"),
    ingest.UnequalColumns: (422, "unequal-columns"),
    ingest.MissingValue: (422, "missing-value"),
    ingest.WrongType: (422, "wrong-type"),
    ingest.LossyInteger: (422, "lossy-integer"),
    ingest.LossyDecimal: (422, "lossy-decimal"),
    ingest.LossyTimestamp: (422, "lossy-timestamp"),
    ingest.TimestampOutOfRange: (422, "timestamp-out-of-range"),
    ingest.TextTooLong: (422, "text-too-long"),
    ingest.RowTextTooLong: (422, "text-too-long"),
    ingest.BadName: (422, "bad-name"),
    ingest.UnsupportedColumn: (422, "unsupported-column"),
    ingest.NoRows: (422, "no-rows"),
    ingest.NoColumns: (422, "no-columns"),
    ingest.TooManyColumns: (422, "too-many-columns"),
    ingest.TooManyRows: (422, "too-many-rows"),
    ingest.TooLong: (413, "body-too-large"),
    solver.NotFinite: (422, "not-finite"),
    solver.OutOfRange: (422, "out-of-range"),
    solver.TooManyDigits: (422, "too-many-digits"),
    solver.BadWeight: (422, "bad-weight"),
    solver.ColumnMismatch: (422, "column-mismatch"),
    solver.ReadingMismatch: (422, "reading-mismatch"),
    solver.WeightMismatch: (422, "weight-mismatch"),
    solver.NotContained: (422, "not-contained"),
    solver.UnknownColumn: (422, "unknown-column"),
    solver.AmbiguousTerm: (422, "ambiguous-term"),
    solver.TooManySlices: (422, "too-many-slices"),
    solver.Diverges: (422, "diverges"),
    solver.DivergesInBatches: (422, "diverges"),
    solver.Overflowed: (422, "overflowed"),
    solver.Unresolved: (422, "unresolved"),
    solver.RankDeficient: (422, "rank-deficient"),
    solver.DependentHypotheses: (422, "dependent-hypotheses"),
    solver.TooFewRows: (422, "too-few-rows"),
    solver.NoFeatures: (422, "no-features"),
    solver.CoefficientOutOfRange: (422, "coefficient-out-of-range"),
    solver.NotMoments: (422, "not-moments"),
    solver.TooFewClusters: (422, "too-few-clusters"),
    solver.TooManyClusters: (422, "too-many-clusters"),
    registry.NotFound: (404, "not-found"),
    registry.DatasetInUse: (409, "dataset-in-use"),
    registry.NoRowsKept: (409, "no-rows"),
    registry.InlineRowsNotKept: (409, "rows-not-kept"),
    registry.NoRowsLeft: (422, "no-rows-left"),
    registry.BadCondition: (422, "invalid-value"),
    registry.DatasetBusy: (429, "dataset-busy"),
    registry.ModelInUse: (409, "model-in-use"),
    registry.ColumnsDiffer: (422, "columns-differ"),
    registry.TypesDiffer: (422, "types-differ"),
    registry.NotNumeric: (422, "not-numeric"),
    registry.NotSorted: (422, "not-sorted"),
    registry.TooManyTerms: (422, "over-limit"),
    registry.LongCategory: (422, "long-category"),
    registry.AliasMoved: (412, "alias-moved"),
    registry.KeyReused: (422, "key-reused"),
    registry.KeyInUse: (409, "key-in-use"),
    jobs.TooManyJobs: (429, "too-many-jobs"),
    jobs.NoSuchEpoch: (404, "no-such-epoch"),
    WorkerLost: (503, "worker-lost"),
    BodyTooLarge: (413, "body-too-large"),
    BodyTimeout: (408, "body-timeout"),
    NotReady: (503, "not-ready"),
    IncompleteBody: (400, "incomplete-body"),
    StorageFull: (507, "storage-full"),
    UnsupportedMediaType: (415, "unsupported-media-type"),
    UnsupportedEncoding: (415, "unsupported-encoding"),
    NotAcceptable: (406, "not-acceptable"),
    NotSupported: (422, "not-supported"),
    OptionNotUsed: (422, "option-not-used"),
    InvalidValue: (422, "invalid-value"),
    OverLimit: (422, "over-limit"),
    InvalidKey: (422, "invalid-key"),
    WrongParameter: (422, "wrong-type"),
    PredictionOutOfRange: (422, "prediction-out-of-range"),
    UnseenCategory: (422, "unseen-category"),
    NoInterval: (422, "no-interval"),
    NotTestable: (422, "not-testable"),
    NotComparable: (422, "not-comparable"),
}


# Those of the disk and the database are expected to happen: the connection need not go with them.
FAMILIES = (
    ApiError, ingest.IngestError, solver.SolverError, registry.RegistryError, jobs.JobError, OSError, sa.exc.OperationalError,
)  # fmt: skip
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What is said in another way, or to nobody: Pebble hangs the traceback of its process on the errors that come from one.
OWN = ("errors", "pointer", "parameter", "traceback")


class FieldError(BaseModel):
    """One thing that is wrong, and where."""

    pointer: str | None = Field(None, description="JSON pointer into the body")
    parameter: str | None = Field(None, description="name of a query or path parameter")
    detail: str


class Problem(BaseModel):
    """RFC 9457. A problem may have more members that say what it is about, such as row, column and value."""

    type: str = Field(description="stable; what a program should look at", examples=["/problems/rank-deficient"])
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field([], description="for 422: what is wrong, and where")


Where = Callable[[Exception], str]  # the JSON pointer to what an error is about


def describe(error: Exception, where: Where | None = None) -> dict[str, Any]:
    """The error as a problem. What is in no table is our own fault, and says nothing more."""
    if _says_full(error):
        log.error("the disk does not take it", exc_info=error)
        error = StorageFull()
    for class_ in type(error).__mro__:
        if class_ in PROBLEMS:
            status, slug = PROBLEMS[class_]
            break
    else:
        log.error("an error that no table has", exc_info=error)
        return _problem(500, "internal-error", "The service failed; this is a defect of its own.", "")
    title = (error.__doc__ or slug).splitlines()[0]
    problem = _problem(status, slug, title, str(error) or title)
    if status == 422:
        problem["errors"] = _field_errors(error, problem["detail"], where)
    members = {name: value for name, value in vars(error).items() if name not in OWN}
    return members | problem


def _says_full(error: Exception) -> bool:
    if isinstance(error, sa.exc.OperationalError):
        return str(getattr(error.orig, "sqlite_errorname", "")).startswith(("SQLITE_FULL", "SQLITE_IOERR"))
    return isinstance(error, OSError) and error.errno in NO_ROOM


def _field_errors(error: Exception, detail: str, where: Where | None) -> list[dict[str, str]]:
    if isinstance(error, ingest.InvalidFields):
        return [{"pointer": pointer, "detail": message} for pointer, message in error.errors]
    parameter = getattr(error, "parameter", None)
    if parameter is not None:
        return [{"parameter": parameter, "detail": detail}]
    pointer = getattr(error, "pointer", None)
    if pointer is None:
        pointer = where(error) if where is not None else ""
    return [{"pointer": pointer, "detail": detail}]


def _problem(status: int, slug: str, title: str, detail: str) -> dict[str, Any]:
    return {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail or title}


def answer(problem: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """The problem as a response."""
    body = orjson.dumps(problem, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, problem["status"], headers, "application/problem+json")


async def on_error(request: Request, error: Exception) -> Response:
    """Answers any of our own errors."""
    headers = {}
    if isinstance(error, (registry.KeyInUse, registry.DatasetBusy, jobs.TooManyJobs)):
        headers["Retry-After"] = "1"
    if isinstance(error, UnsupportedEncoding):
        headers["Accept-Encoding"] = ", ".join(error.supported)
    if isinstance(error, BodyTimeout):
        headers["Connection"] = "close"  # what may still come of the body is no next request
    return answer(describe(error, getattr(request.state, "where", None)), headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answers what the framework refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for nothing else)
    slug = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http-error")
    headers = dict(error.headers or {})
    if error.status_code == 405:  # the framework names the methods of the first route of the path alone
        paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
        methods = next((known for path, known in paths.items() if compile_path(path)[0].match(request.url.path)), {})
        headers["Allow"] = ", ".join(sorted(method.upper() for method in methods)) or headers.get("allow", "GET")
    return answer(_problem(error.status_code, slug, error.detail, error.detail), headers)


async def on_invalid_parameters(_request: Request, error: Exception) -> Response:
    """Answers parameters of the query, path or header that do not fit."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for nothing else)
    errors = [{"parameter": str(one["loc"][-1]), "detail": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{one['parameter']}: {one['detail']}" for one in errors)
    return answer(_problem(422, "invalid-parameter", "A parameter cannot be used.", detail) | {"errors": errors})


def responses(*errors: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """What openapi.json says of a call's errors: by status, the types that may come."""
    by_status: dict[int, list[str]] = {}
    for error in errors:
        for class_ in _leaves(error):
            status, slug = PROBLEMS[class_]
            by_status.setdefault(status, []).append(slug)
    return {
        status: {
            "description": ", ".join(f"`/problems/{slug}`" for slug in slugs),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, slugs in sorted(by_status.items())
    }


def _leaves(error: type[Exception]) -> list[type[Exception]]:
    return [error] if error in PROBLEMS else [leaf for child in error.__subclasses__() for leaf in _leaves(child)]
