"""`GET /datasets/{id}/rows`: rows back as JSON, CSV or an Arrow stream, a page at a time."""

import asyncio
import io
from typing import Annotated, Any, Literal

import orjson
import pyarrow as pa
import pyarrow.csv
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import ARROW, CSV, JSON
from service.api.datasets import Version
from service.api.problems import OverLimit, responses
from service.api.services import Use
from service.registry.errors import NotFound

router = APIRouter(tags=["datasets"])

PAGE = 1000  # rows, unless another number is asked for
Format = Literal["json", "csv", "arrow"]
MEDIA_TYPES: dict[Format, str] = {"json": JSON, "csv": CSV, "arrow": ARROW}


class RowsOut(BaseModel):
    """A page of rows, by column; `next` is the `offset` of the next page, null at the end."""

    id: str
    version: int
    n_samples: int
    offset: int
    columns: dict[str, list[Any]]
    next: int | None


@router.get(
    "/datasets/{dataset_id}/rows", response_model=RowsOut,
    responses=responses(NotFound, OverLimit) | {200: {"content": {CSV: {}, ARROW: {}}}},
)  # fmt: skip
async def get_rows(
    request: Request,
    use: Use,
    dataset_id: str,
    version: Version = None,
    offset: Annotated[int, Query(ge=0, description="the first row, counted from 0")] = 0,
    limit: Annotated[int | None, Query(ge=1, description="how many rows at most; 1000 if left out")] = None,
    format: Annotated[Format, Query(description="json, csv or arrow (an IPC stream)")] = "json",  # noqa: A002
) -> Response:
    """Rows of one version, in the order they came. `Link` names the next page."""
    limit = min(PAGE, use.limits.max_page_rows) if limit is None else limit
    if limit > use.limits.max_page_rows:
        raise OverLimit("", "rows of a page", limit, use.limits.max_page_rows)
    dataset = await asyncio.to_thread(use.datasets.get, dataset_id, version)
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


def written(table: pa.Table, format_: Literal["csv", "arrow"]) -> bytes:
    """The rows as CSV with a header, or as an Arrow IPC stream."""
    sink = io.BytesIO()
    if format_ == "csv":
        pyarrow.csv.write_csv(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()
