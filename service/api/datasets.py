"""`/datasets`: data sets taken in, listed and forgotten."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api import given
from service.api.bodies import JSON, Batches, json_body
from service.api.errors import InvalidValue
from service.api.idempotency import Key
from service.api.lists import After, Limit, Listed, listed
from service.api.problems import responses
from service.api.services import Use
from service.api.uploads import UPLOAD_PROBLEMS, Keep, Made, upload
from service.api.versions import Version
from service.ingest.formats import READERS
from service.ingest.json_rows import DatasetBody, Integer
from service.ingest.times import iso
from service.registry.columns import ColumnType
from service.registry.errors import DatasetInUse, NotFound, NotNumeric
from service.registry.given import create as create_given
from service.registry.versions import Dataset
from service.registry.windows import LastRows, LastSpan, Window
from service.solver.errors import NotMoments, UnknownColumn, Unresolved
from service.solver.reading import Numbers

router = APIRouter(tags=["datasets"])

WINDOWS = "a window is of rows, or of a column and a span"


class ColumnOut(BaseModel):
    """A column. Mean and std (by n - 1) are the exact ones of the numbers that are there, correctly rounded; null for others.

    Min and max of timestamps are ISO 8601 text in UTC.
    """

    name: str
    type: ColumnType
    mean: float | None
    std: float | None
    min: float | str | None
    max: float | str | None
    n_missing: int


class LastRowsOut(BaseModel):
    """The last so many rows stay."""

    rows: int


class LastSpanOut(BaseModel):
    """The rows stay that are above the largest value of the column less the span."""

    column: str
    span: float


class DatasetOut(BaseModel):
    """A version of a data set."""

    id: str
    name: str
    version: int
    numbers: Literal["float64", "decimal"] = Field(description="what a number means: the double, or the shortest decimal")
    n_samples: int
    columns: list[ColumnOut]
    created_at: str
    window: LastRowsOut | LastSpanOut | None = Field(description="which rows stay when others are appended; null: all")


@router.post(
    "/datasets", status_code=201, response_model=DatasetOut, responses=responses(*UPLOAD_PROBLEMS, InvalidValue, NotMoments, Unresolved, UnknownColumn, NotNumeric),
    openapi_extra=json_body(DatasetBody, *READERS, example={"columns": {"x": [0.0, 1.0, 2.0], "price": [1.5, 2.5, 3.5]}}),
)  # fmt: skip
async def create_dataset(
    request: Request,
    use: Use,
    name: Annotated[str | None, Query(max_length=200, description="for bodies that are not JSON")] = None,
    numbers: Annotated[Numbers | None, Query(description="for bodies that are not JSON; float64 if left out")] = None,
    window_rows: Annotated[
        Integer | None, Query(ge=1, description="for bodies that are not JSON: the last so many rows stay")
    ] = None,
    window_column: Annotated[
        str | None, Query(description="for bodies that are not JSON: rows stay above its largest value less window_span")
    ] = None,
    window_span: Annotated[
        float | None, Query(gt=0, allow_inf_nan=False, description="in the units of the column; of timestamps, in seconds")
    ] = None,
    key: Key = None,
) -> Response:
    """Take in a data set: JSON, CSV with a header, an Arrow stream, or Parquet. The answer says that it is safe on disk."""
    in_query = (window_rows, window_column, window_span)
    asked = window(*in_query, parameter="window_rows")

    def make(batches: Batches, body: DatasetBody | None, keep: Keep) -> Made:
        if body is not None and any(field is not None for field in (name, numbers, *in_query)):
            raise InvalidValue(
                "", "the query parameters name, numbers and window_… are for bodies that are not JSON; put them into the body"
            )
        called, reading, stays = name, numbers or "float64", asked
        if body is not None and body.moments is not None:
            request.state.where = given.where(body.moments)
            moments = given.summed(body, body.moments, use.limits)
            return _made(create_given(use.store, moments, body.name or "", lambda c, dataset: keep(c, _made(dataset))))
        if body is not None:
            called, reading, stays = body.name, body.numbers, None
            if body.window is not None:
                stays = window(body.window.rows, body.window.column, body.window.span)
                if stays is None:
                    raise InvalidValue("/window", WINDOWS)
        return _made(use.datasets.create(batches, called or "", reading, lambda c, dataset: keep(c, _made(dataset)), stays))

    return await upload(request, use, key, DatasetBody, make)


@router.get("/datasets", response_model=Listed[DatasetOut])
async def list_datasets(request: Request, use: Use, limit: Limit = 50, after: After = None) -> Response:
    """The data sets, newest first, each in its newest version."""
    return await listed(request, lambda: use.datasets.page(limit, after), shown)


@router.get("/datasets/{dataset_id}", response_model=DatasetOut, responses=responses(NotFound))
async def get_dataset(use: Use, dataset_id: str, version: Version = None) -> Response:
    """A data set, in its newest version or another."""
    return _json(shown(await asyncio.to_thread(use.datasets.get, dataset_id, version)))


@router.delete("/datasets/{dataset_id}", status_code=204, responses=responses(NotFound, DatasetInUse))
async def delete_dataset(use: Use, dataset_id: str) -> Response:
    """Forget a data set and its rows. Models fitted to it stay, and say that it is gone."""
    await asyncio.to_thread(use.datasets.delete, dataset_id)
    return Response(status_code=204)


def window(rows: int | None, column: str | None, span: float | None, *, parameter: str | None = None) -> Window | None:
    """The window that is asked for. Raises: InvalidValue: it is half of one, or two."""
    match rows, column, span:
        case None, None, None:
            return None
        case int(), None, None:
            return LastRows(rows)
        case None, str(), float():
            return LastSpan(column, span)
    raise InvalidValue("/window", WINDOWS, parameter=parameter)


def _made(dataset: Dataset) -> Made:
    return Made(url_of(dataset), shown(dataset))


def shown(dataset: Dataset) -> dict[str, Any]:
    """A data set as clients see it."""
    body = asdict(dataset)
    for column in body["columns"]:
        if column["type"] == "timestamp":
            column |= {name: None if column[name] is None else iso(column[name]) for name in ("min", "max")}
    return body


def url_of(dataset: Dataset) -> str:
    """The address of a version of a data set."""
    return f"/datasets/{dataset.id}" + (f"?version={dataset.version}" if dataset.version > 1 else "")


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type=JSON)
