"""`/predict`: a model's answer for new rows."""

import asyncio
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Annotated

import numpy as np
import orjson
import pyarrow as pa
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import ARROW, CSV, JSON, cell_pointer, content_type, json_body, parsed, read, row_reader
from service.api.errors import (
    BodyTimeout,
    BodyTooLarge,
    InvalidValue,
    NotAcceptable,
    NotSupported,
    OverLimit,
    PredictionOutOfRange,
    UnsupportedMediaType,
)
from service.api.problems import responses
from service.api.services import Limits, Services, Use
from service.api.written import written
from service.ingest import json_rows
from service.ingest.errors import IngestError
from service.ingest.json_rows import Columns, Matrix, Strict
from service.registry.absorb import block_of
from service.registry.errors import ColumnsDiffer, NotFound, NotNumeric
from service.registry.models import Model
from service.solver.errors import UnreadableNumber
from service.solver.evaluation import predictions
from service.solver.reading import check

router = APIRouter(tags=["predict"])

Floats = NDArray[np.float64]

PROBLEMS = responses(
    BodyTooLarge, BodyTimeout, UnsupportedMediaType, NotAcceptable, IngestError, UnreadableNumber, NotFound, ColumnsDiffer,
    NotNumeric, InvalidValue, NotSupported, OverLimit, PredictionOutOfRange,
)  # fmt: skip


QVALUE = re.compile(r"[01](\.\d{0,3})?")


class PredictRequest(Strict):
    """Rows to predict for: `X` in the order of the model's features, or `columns` by name, in any order."""

    model_id: str = Field(description="a model's id or an alias")
    X: Matrix | None = None
    columns: Columns | None = None
    interval: str | None = Field(None, description="not supported yet: null only")
    level: float | None = Field(None, description="not supported yet: null only")


class PredictOut(BaseModel):
    """The predictions, a number a row."""

    model_id: str
    predictions: list[float]


@router.post(
    "/predict", response_model=PredictOut, responses=PROBLEMS | {200: {"content": {CSV: {}, ARROW: {}}}},
    openapi_extra=json_body(PredictRequest, CSV, ARROW, example={"model_id": "prices", "X": [[1200.0, 3.0]]}),
)  # fmt: skip
async def predict(
    request: Request,
    use: Use,
    model_id: Annotated[str | None, Query(description="for bodies that are not JSON: a model's id or an alias")] = None,
) -> Response:
    """Predict for rows: JSON, CSV with a header, or an Arrow stream; answered as `Accept` has it, JSON by default."""
    type_, form = content_type(request, (JSON, CSV, ARROW)), _accepted(request)
    text = await read(request, use.limits)
    if type_ == JSON:
        body = await parsed(text, PredictRequest)

        def of_json() -> Response:
            model = use.models.get(body.model_id)
            request.state.where = cell_pointer(body.columns, body.X, model.feature_names)
            return _answer(model, _predicted(model, [_of_json(use, body, model)], use.limits), form)

        return await asyncio.to_thread(of_json)
    if model_id is None:
        raise InvalidValue("", "a body that is not JSON needs the query parameter model_id", parameter="model_id")

    def of_table() -> Response:
        model = use.models.get(model_id)
        reader = row_reader(type_, use.limits.max_columns, use.limits.max_predict_rows)
        return _answer(model, _predicted(model, _blocks(model, reader(io.BytesIO(text))), use.limits), form)

    return await asyncio.to_thread(of_table)


@router.get("/predict", response_model=PredictOut, responses=PROBLEMS, openapi_extra={
    "parameters": [{
        "name": "features", "in": "query", "required": True, "style": "form", "explode": True,
        "description": "each of the model's features by its name: `?model_id=prices&sqft=1200&beds=3`",
        "schema": {"type": "object", "additionalProperties": {"type": "number"}},
    }],
})  # fmt: skip
async def predict_one(
    request: Request, use: Use, model_id: Annotated[str, Query(description="a model's id or an alias")]
) -> Response:
    """Predict for one row, its features in the query by name."""
    sent = [(name, value) for name, value in request.query_params.multi_items() if name != "model_id"]

    def one() -> Response:
        model = use.models.get(model_id)
        if "model_id" in model.feature_names:
            why = "a feature of this model is called model_id, which is a parameter here: use POST /predict"
            raise InvalidValue("", why, parameter="model_id")
        named = [name for name, _ in sent]
        _match(model, named)
        twice = next((name for i, name in enumerate(named) if name in named[:i]), None)
        if twice is not None:
            raise InvalidValue("", f"the feature {twice!r} is given twice", parameter=twice)
        values = {name: _number(name, value) for name, value in sent}
        X = np.array([[values[name] for name in model.feature_names]]).reshape(1, -1)
        return _answer(model, _predicted(model, [X], use.limits), JSON)

    return await asyncio.to_thread(one)


def _of_json(use: Services, body: PredictRequest, model: Model) -> Floats:
    for name in ("interval", "level"):
        if getattr(body, name) is not None:
            raise NotSupported(f"/{name}", name)
    if (body.X is None) == (body.columns is None):
        raise InvalidValue("", "expected rows: either X or columns")
    n_features = len(model.feature_names)
    if body.columns is not None:
        _match(model, list(body.columns))
        arrays = json_rows.arrays(body.columns)
        for name, array in arrays.items():
            if array.type != pa.float64():
                raise NotNumeric("feature", name, "text" if array.type == pa.string() else "boolean")
        X = np.column_stack([arrays[name].to_numpy() for name in model.feature_names])
    else:
        assert body.X is not None  # noqa: S101 (one of the two is there)
        X = json_rows.matrix(body.X)
        if X.shape[1] != n_features:
            in_order = ", in this order" if n_features > 1 else ""
            expected = f"{_count(n_features, 'feature')}, {', '.join(model.feature_names)}{in_order}"
            raise InvalidValue("/X/0", f"a row has {_count(X.shape[1], 'value')}; {model.id} has {expected}")
    if len(X) > use.limits.max_predict_rows:
        raise OverLimit(
            "/X" if body.columns is None else "/columns", "rows of a prediction", len(X), use.limits.max_predict_rows
        )
    return X


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _blocks(model: Model, batches: Iterator[pa.RecordBatch]) -> Iterator[Floats]:
    """The features of each batch in the model's order; the columns are checked before the second one is read.

    Raises: ColumnsDiffer, NotNumeric, and as the reader does.
    """
    first = next(batches)
    _match(model, first.schema.names)
    for name in model.feature_names:
        if first.schema.field(name).type != pa.float64():
            raise NotNumeric("feature", name, str(first.schema.field(name).type))
    return (block_of(batch, model.feature_names) for batch in chain([first], batches))


def _predicted(model: Model, blocks: Iterable[Floats], limits: Limits) -> Floats:
    """The predictions of the rows in the blocks, of which one at a time is held: a small body can unpack to a large table.

    Raises: OverLimit, UnreadableNumber, PredictionOutOfRange.
    """
    parts: list[Floats] = []
    n_rows = 0
    for X in blocks:
        n_cells = (n_rows + len(X)) * X.shape[1]
        if n_cells > limits.max_predict_cells:
            raise OverLimit("", "cells (rows x features) of a prediction", n_cells, limits.max_predict_cells)
        check(X, model.feature_names, "float64", n_rows)
        part = predictions(model.evaluation, X, model.numbers)
        infinite = np.flatnonzero(~np.isfinite(part))
        if len(infinite):
            raise PredictionOutOfRange(n_rows + int(infinite[0]))
        parts.append(part)
        n_rows += len(X)
    return np.concatenate(parts)


def _answer(model: Model, predicted: Floats, form: str) -> Response:
    if form == JSON:
        body = {"model_id": model.id, "predictions": predicted}
        return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), media_type=JSON)
    table = pa.table({"prediction": predicted})
    return Response(written(table, "csv" if form == CSV else "arrow"), media_type=form, headers={"Linefit-Model-Id": model.id})


def _match(model: Model, sent: Sequence[str]) -> None:
    expected = model.feature_names
    missing, unknown = [name for name in expected if name not in sent], [name for name in sent if name not in expected]
    if missing or unknown:
        raise ColumnsDiffer(missing, unknown)


def _number(name: str, value: str) -> float:
    if value.isascii() and "_" not in value:  # Python takes others too, and nobody else does
        with suppress(ValueError):
            return float(value)
    raise InvalidValue("", f"{name}: {value[:80]!r} is not a number", parameter=name)


def _accepted(request: Request) -> str:
    """The form to answer in: of those that Accept names the one it likes best. Raises: NotAcceptable."""
    asked = [part.split(";") for part in request.headers.get("accept", "*/*").split(",")]
    for type_, *_ in sorted(asked, key=_liking, reverse=True):
        if type_.strip() in (JSON, CSV, ARROW):
            return type_.strip()
        if type_.strip() in ("*/*", "application/*", ""):
            return JSON
    raise NotAcceptable((JSON, CSV, ARROW))


def _liking(asked: Sequence[str]) -> float:
    """How much a part of Accept is liked, 1 unless its `q` says less (RFC 9110, 12.4.2)."""
    weights = [parameter.strip()[2:] for parameter in asked[1:] if parameter.strip().startswith("q=")]
    return float(weights[0]) if weights and QVALUE.fullmatch(weights[0]) else 1.0
