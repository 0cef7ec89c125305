"""`/datasets/{id}/rows`: rows appended, and rows back as JSON, CSV or an Arrow stream, a page at a time."""

import asyncio
from typing import Annotated, Any, Literal

import orjson
import pyarrow as pa
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import ARROW, CSV, JSON, Batches, json_body
from service.api.datasets import Version, url_of
from service.api.errors import OverLimit
from service.api.idempotency import Key
from service.api.problems import responses
from service.api.services import Use
from service.api.uploads import UPLOAD_PROBLEMS, Keep, Made, upload
from service.api.written import written
from service.ingest.json_rows import Integer, RowsBody
from service.registry.errors import ColumnsDiffer, NotFound, TypesDiffer
from service.registry.versions import Dataset

router = APIRouter(tags=["datasets"])

PAGE = 1000  # rows, unless another number is asked for
Format = Literal["json", "csv", "arrow"]
MEDIA_TYPES: dict[Format, str] = {"json": JSON, "csv": CSV, "arrow": ARROW}


class AppendedOut(BaseModel):
    """What an append made."""

    id: str
    version: int
    n_samples: int
    n_appended: int


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
    responses=responses(*UPLOAD_PROBLEMS, NotFound, ColumnsDiffer, TypesDiffer),
    openapi_extra=json_body(RowsBody, CSV, ARROW, example={"columns": {"x": [3.0], "price": [4.5]}}),
)  # fmt: skip
async def append_rows(request: Request, use: Use, dataset_id: str, key: Key = None) -> Response:
    """Append rows: a new version. Columns are matched by name, whatever their order."""

    def appended(dataset: Dataset, n_before: int) -> Made:
        body = {"id": dataset.id, "version": dataset.version, "n_samples": dataset.n_samples}
        return Made(url_of(dataset), body | {"n_appended": dataset.n_samples - n_before})

    def make(batches: Batches, _body: RowsBody | None, keep: Keep) -> Made:
        made, n_before = use.datasets.append(
            dataset_id, batches, lambda c, dataset, n_before: keep(c, appended(dataset, n_before))
        )
        return appended(made, n_before)

    return await upload(request, use, key, RowsBody, make)


@router.get(
    "/datasets/{dataset_id}/rows", response_model=RowsOut,
    responses=responses(NotFound, OverLimit) | {200: {"content": {CSV: {}, ARROW: {}}}},
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
    dataset = await asyncio.to_thread(use.datasets.get, dataset_id, version)
    most = use.limits.max_page_cells // len(dataset.columns)
    if limit is None:
        limit = max(1, min(PAGE, use.limits.max_page_rows, most))
    n_cells = max(0, min(limit, dataset.n_samples - offset)) * len(dataset.columns)
    if n_cells > use.limits.max_page_cells:
        raise OverLimit("", "cells (rows x columns) of a page", n_cells, use.limits.max_page_cells, parameter="limit")
    following = offset + limit if offset + limit < dataset.n_samples else None

    def page() -> bytes:
        rows = use.datasets.rows(dataset.id, dataset.version)
        names = [column.name for column in dataset.columns]
        schema = pa.schema([rows.schema.field(name) for name in names])
        table = pa.Table.from_batches(rows.batches(offset, offset + limit, names), schema)
        if format == "json":
            head = {"id": dataset.id, "version": dataset.version, "n_samples": dataset.n_samples, "offset": offset}
            return orjson.dumps(head | {"columns": table.to_pydict(), "next": following})
        return written(table, format)

    headers = {}
    if following is not None:
        url = request.url.include_query_params(offset=following, version=dataset.version)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Response(await asyncio.to_thread(page), headers=headers, media_type=MEDIA_TYPES[format])
