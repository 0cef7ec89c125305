"""`/datasets/{id}/rows`: rows appended, and rows back as JSON, CSV or an Arrow stream, a page at a time."""

import asyncio
from typing import Annotated, Any, Literal

import orjson
import pyarrow as pa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON, Batches, json_body
from service.api.datasets import url_of
from service.api.errors import InvalidValue, OverLimit
from service.api.idempotency import Key
from service.api.problems import responses
from service.api.services import Limits, Use
from service.api.uploads import UPLOAD_PROBLEMS, Keep, Made, upload
from service.api.versions import Version, of_version
from service.api.written import written
from service.ingest.formats import ARROW, CSV, READERS
from service.ingest.json_rows import Integer, RowsBody
from service.ingest.times import TIMESTAMP, texts
from service.registry.conditions import condition
from service.registry.errors import (
    ColumnsDiffer,
    DatasetBusy,
    DatasetInUse,
    NoRowsKept,
    NoRowsLeft,
    NotFound,
    NotNumeric,
    TypesDiffer,
)
from service.registry.matching import types_of
from service.registry.versions import Change, Dataset
from service.solver.errors import UnknownColumn
from service.store.rows import Rows

router = APIRouter(tags=["datasets"])

PAGE = 1000  # rows, unless another number is asked for
Format = Literal["json", "csv", "arrow"]
ConditionOp = Literal["eq", "ne", "lt", "le", "gt", "ge", "missing", "==", "!=", "<", "<=", ">", ">="]
MEDIA_TYPES: dict[Format, str] = {"json": JSON, "csv": CSV, "arrow": ARROW}


class AppendedOut(BaseModel):
    """What an append made."""

    id: str
    version: int
    n_samples: int
    n_appended: int
    n_removed: int = Field(description="rows that the window of the data set holds no longer")


class RemovedOut(BaseModel):
    """What is left after rows were taken away; the version is a new one if any were."""

    id: str
    version: int
    n_samples: int
    n_removed: int


class RowsOut(BaseModel):
    """A page of rows, by column; `next` is the `offset` of the next page, null at the end."""

    id: str
    version: int
    n_samples: int
    offset: int
    columns: dict[str, list[Any]]
    next: int | None


@router.post(
    "/datasets/{dataset_id}/rows", status_code=201, response_model=AppendedOut,
    responses=responses(*UPLOAD_PROBLEMS, NotFound, ColumnsDiffer, TypesDiffer, UnknownColumn, NotNumeric, DatasetInUse, NoRowsKept),
    openapi_extra=json_body(RowsBody, *READERS, example={"columns": {"x": [3.0], "price": [4.5]}}),
)  # fmt: skip
async def append_rows(request: Request, use: Use, dataset_id: str, key: Key = None) -> Response:
    """Append rows: a new version. Columns are matched by name, whatever their order. Rows leave that a window does not hold."""

    def appended(change: Change) -> Made:
        return Made(
            url_of(change.made), _shown(change.made) | {"n_appended": change.n_appended, "n_removed": change.n_removed}
        )

    def make(batches: Batches, _body: RowsBody | None, keep: Keep) -> Made:
        return appended(use.datasets.append(dataset_id, batches, lambda c, change: keep(c, appended(change))))

    return await upload(request, use, key, RowsBody, make, lambda: types_of(use.datasets.get(dataset_id).columns))


@router.delete(
    "/datasets/{dataset_id}/rows", response_model=RemovedOut,
    responses=responses(NotFound, InvalidValue, DatasetInUse, DatasetBusy, NoRowsKept, NoRowsLeft),
)  # fmt: skip
async def remove_rows(
    use: Use,
    dataset_id: str,
    version: Annotated[Integer | None, Query(ge=1, description="the rows that came with this version")] = None,
    column: Annotated[str | None, Query(description="the rows whose cell in this column compares so")] = None,
    op: Annotated[ConditionOp | None, Query(description="how; missing takes no value")] = None,
    value: Annotated[str | None, Query(description="a number, text, true or false, or a time as ISO 8601")] = None,
) -> Response:
    """Take rows away: a new version, bit for bit as if they had never come. Older versions are gone, rows and sums."""

    def remove() -> Change:
        if version is not None:
            if (column, op, value) != (None, None, None):
                raise InvalidValue("", "rows are taken away by version or by a condition, not both", parameter="version")
            return use.datasets.remove_version(dataset_id, version)
        if column is None:
            raise InvalidValue("", "say which rows: version, or column, op and value", parameter="column")
        if op is None:
            raise InvalidValue("", "a condition needs an op", parameter="op")
        dataset = use.datasets.get(dataset_id)
        try:
            found = dataset.column(column)
        except UnknownColumn as error:
            raise InvalidValue("", str(error), parameter="column") from None
        return use.datasets.remove_where(dataset_id, condition(found, op, value, dataset.numbers))

    change = await asyncio.to_thread(remove)
    return Response(orjson.dumps(_shown(change.made) | {"n_removed": change.n_removed}), media_type=JSON)


@router.get(
    "/datasets/{dataset_id}/rows", response_model=RowsOut,
    responses=responses(NotFound, NoRowsKept, OverLimit) | {200: {"content": {CSV: {}, ARROW: {}}}},
)  # fmt: skip
async def get_rows(
    request: Request,
    use: Use,
    dataset_id: str,
    version: Version = None,
    offset: Annotated[Integer, Query(ge=0, description="the first row, counted from 0")] = 0,
    limit: Annotated[
        Integer | None, Query(ge=1, description="how many rows at most; 1000, or fewer of wide ones, if left out")
    ] = None,
    format: Annotated[Format, Query(description="json, csv or arrow (an IPC stream)")] = "json",  # noqa: A002
) -> Response:
    """Rows of one version, in the order they came. `Link` names the next page."""
    if limit is not None and limit > use.limits.max_page_rows:
        raise OverLimit("", "rows of a page", limit, use.limits.max_page_rows, parameter="limit")

    def page(dataset: Dataset) -> tuple[bytes, str | None]:
        n_rows = _page_rows(dataset, offset, limit, use.limits)
        following = offset + n_rows if offset + n_rows < dataset.n_samples else None
        body = _page(dataset, use.datasets.rows(dataset.id, dataset.version), offset, n_rows, following, format)
        if following is None:
            return body, None
        url = request.url.include_query_params(offset=following, version=dataset.version)
        return body, f'<{url.path}?{url.query}>; rel="next"'

    body, link = await asyncio.to_thread(of_version, use, dataset_id, version, page)
    return Response(body, headers={} if link is None else {"Link": link}, media_type=MEDIA_TYPES[format])


def _page_rows(dataset: Dataset, offset: int, limit: int | None, limits: Limits) -> int:
    """How many rows a page has at most. Raises: OverLimit."""
    most = limits.max_page_cells // len(dataset.columns)
    if limit is None:
        limit = max(1, min(PAGE, limits.max_page_rows, most))
    n_cells = max(0, min(limit, dataset.n_samples - offset)) * len(dataset.columns)
    if n_cells > limits.max_page_cells:
        raise OverLimit("", "cells (rows x columns) of a page", n_cells, limits.max_page_cells, parameter="limit")
    return limit


def _page(dataset: Dataset, rows: Rows, offset: int, limit: int, following: int | None, format_: Format) -> bytes:
    names = [column.name for column in dataset.columns]
    schema = pa.schema([rows.schema.field(name) for name in names])
    table = pa.Table.from_batches(rows.batches(offset, offset + limit, names), schema)
    if format_ == "arrow":
        return written(table, format_)
    for j, field in enumerate(schema):
        if field.type == TIMESTAMP:
            written_out: Any = [texts(cells) for cells in table.column(j).chunks]
            table = table.set_column(j, field.name, pa.chunked_array(written_out, pa.string()))
    if format_ == "csv":
        return written(table, format_)
    return orjson.dumps(_shown(dataset) | {"offset": offset, "columns": table.to_pydict(), "next": following})


def _shown(dataset: Dataset) -> dict[str, Any]:
    return {"id": dataset.id, "version": dataset.version, "n_samples": dataset.n_samples}
