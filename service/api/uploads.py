"""Rows in, whatever their form: JSON is read whole, other formats are summed up while they arrive, or are read."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import pyarrow as pa
import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import (
    JSON,
    TYPES,
    Batches,
    Pieces,
    cell_pointer,
    content_type,
    parsed_as_it_comes,
    row_reader,
    streamed,
    unpacked,
    within_limits,
)
from service.api.errors import BodyTimeout, BodyTooLarge, InvalidKey, OverLimit, StorageFull, UnsupportedMediaType
from service.api.idempotency import claimed
from service.api.services import Limits, Services
from service.ingest import json_rows, sources, times
from service.ingest.csv_rows import Types
from service.ingest.errors import IngestError, TooManyColumns, TooManyRows
from service.registry.errors import KeyInUse, KeyReused
from service.solver.errors import UnreadableNumber
from service.solver.sample import line

UPLOAD_PROBLEMS = (
    BodyTooLarge, BodyTimeout, UnsupportedMediaType, IngestError, UnreadableNumber, InvalidKey, KeyReused, KeyInUse,
    StorageFull,
)  # fmt: skip

Body = TypeVar("Body", bound=json_rows.RowsBody)


@dataclass(frozen=True, slots=True)
class Made:
    """What an upload made: where it is, and what is said of it."""

    location: str
    body: Mapping[str, Any]


Keep = Callable[[sa.Connection, Made], None]  # keeps the answer in the transaction that makes what it speaks of


async def upload(
    request: Request,
    use: Services,
    key: str | None,
    model: type[Body],
    make: Callable[[Batches, Body | None, Keep], Made],
    types: Callable[[], Types] | None = None,
) -> Response:
    """201 with what `make` made of the rows, or the answer given to the same request before.

    Args: make: called in a thread with the rows, the body if it is JSON, and what keeps the answer; types: called in a
        thread if the body is not JSON: what its columns are, where that is known.
    Raises: UPLOAD_PROBLEMS, and as `make` and `types`.
    """
    type_ = content_type(request, TYPES)
    limits = use.limits
    async with claimed(use.receipts, key, request) as claim:

        def keep(connection: sa.Connection, made: Made) -> None:
            claim.keep(connection, {"location": made.location, "body": made.body})

        body_limit = limits.max_json_bytes if type_ == JSON else limits.max_body_bytes
        text = unpacked(request, claim.through(Pieces(request, body_limit, limits.body_idle_s)), body_limit)
        receipt = await asyncio.to_thread(claim.known)
        if receipt is not None:  # held from here on: it may grow too old while the body comes
            async for _ in text:
                pass
            return _replayed(claim.answer(receipt))
        if type_ == JSON:
            body = await parsed_as_it_comes(use.upload_threads, text, model)
            request.state.where = cell_pointer(body.columns, body.X, body.feature_names, body.target_name)
            source = json_rows.source(body)
            if source is None:
                made = await asyncio.to_thread(lambda: make(_batches(body, limits, is_new=types is None), body, keep))
            else:  # which may take as long as an upload
                request.state.where = lambda _: "/source"
                loop = asyncio.get_running_loop()
                made = await loop.run_in_executor(use.upload_threads, lambda: make(_of_source(use, source), body, keep))
        else:
            known = await asyncio.to_thread(types) if types is not None else None
            reader = row_reader(request, use, limits.max_rows, known)
            made = await streamed(
                use.upload_threads, text, lambda stream: make(_within(reader(stream), limits.max_body_bytes), None, keep)
            )
    return Response(orjson.dumps(made.body), 201, {"Location": made.location}, JSON)


def _replayed(answer: dict[str, Any]) -> Response:
    headers = {"Location": answer["location"], "Idempotency-Replayed": "true"}
    return Response(orjson.dumps(answer["body"]), 201, headers, JSON)


def _within(batches: Batches, limit: int) -> Batches:
    """The batches, as long as they are not too many. Raises: BodyTooLarge: they take more than `limit` bytes.

    What a body takes on disk is what it unpacks to, and a compressed megabyte of Arrow may be a terabyte.
    """
    size = 0
    for batch in batches:
        size += batch.nbytes
        if size > limit:
            raise BodyTooLarge(limit)
        yield batch


def _of_source(use: Services, source: str) -> Batches:
    """The rows of a source. Raises: BadSource; when they are read: as `sources.batches`, BodyTooLarge."""
    limits = use.limits
    found = sources.found(source, use.roots)
    return _within(sources.batches(found, within_limits(use, limits.max_rows)), limits.max_body_bytes)


def _batches(body: json_rows.RowsBody, limits: Limits, *, is_new: bool) -> Batches:
    """Args: is_new: the columns are of no type before, so that text which is all timestamps becomes these."""
    if isinstance(body, json_rows.DatasetBody) and body.moments is not None:
        return iter(())
    rows = _rows(body, limits)
    return iter([times.with_timestamps(rows) if is_new else rows])


def _rows(body: json_rows.RowsBody, limits: Limits) -> pa.RecordBatch:
    """The rows of a JSON body, within the limits. Raises: TooManyRows, TooManyColumns, and as `json_rows.rows`."""
    if isinstance(body, json_rows.DatasetBody):
        found = json_rows.dataset_rows(body)
        if isinstance(found, json_rows.Sample):
            return _generated(found, limits)
    else:
        found = json_rows.rows(body)
    if found.num_rows > limits.max_rows:
        raise TooManyRows(limits.max_rows)
    if found.num_columns > limits.max_columns:
        raise TooManyColumns(found.num_columns, limits.max_columns)
    return found


def _generated(sample: json_rows.Sample, limits: Limits) -> pa.RecordBatch:
    # A row takes two numbers in memory: what may be sent as JSON bounds what may be generated.
    most = min(limits.max_rows, limits.max_json_bytes // 16)
    if sample.n_samples > most:
        raise OverLimit("/sample/n_samples", "generated rows", sample.n_samples, most)
    random_state = secrets.randbits(63) if sample.random_state is None else sample.random_state
    x, y = line(sample.n_samples, sample.slope, sample.intercept, sample.noise_std, random_state)
    return pa.RecordBatch.from_arrays([pa.array(x), pa.array(y)], names=["x", "y"])
