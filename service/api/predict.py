"""`/predict`: a model's answer for new rows."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Annotated

import numpy as np
import orjson
import pyarrow as pa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import (
    JSON,
    TYPES,
    Pieces,
    cell_pointer,
    content_type,
    header,
    json_body,
    parsed,
    read,
    row_reader,
    streamed,
    unpacked,
)
from service.api.errors import (
    BodyTimeout,
    BodyTooLarge,
    InvalidValue,
    NoInterval,
    NotAcceptable,
    OverLimit,
    PredictionOutOfRange,
    UnseenCategory,
    UnsupportedMediaType,
    WrongParameter,
)
from service.api.predicted import Interval, Predicted, Wanted, of_row, predicted
from service.api.problems import responses
from service.api.sent_rows import OnUnseen, SentRows, blocks_of, of_columns, of_matrix
from service.api.services import Services, Use
from service.api.written import Json, written
from service.ingest import times
from service.ingest.csv_cells import BOOLEANS
from service.ingest.csv_records import Readable
from service.ingest.errors import IngestError
from service.ingest.formats import ARROW, CSV, READERS
from service.ingest.json_rows import Columns, Matrix, Strict
from service.jobs.spreads import Reach
from service.registry.columns import ColumnType
from service.registry.errors import ColumnsDiffer, NotFound, TypesDiffer
from service.registry.matching import require_columns
from service.registry.models import Model
from service.solver.errors import UnreadableNumber

router = APIRouter(tags=["predict"])

LEVEL = 0.95
EXTRAPOLATION = "extrapolation"
# Rows times terms that are predicted on the event loop: with leverages in at most 150 µs (260 of decimals, 650 where these have 16
# digits), where a hop to a thread and back takes 75 and longer under load. Columns by name take 10 µs each to gather.
QUICK_CELLS = 128
PARAMETERS = ("model_id", "interval", "level", "leverage", "contributions", "on_unseen")
LEVERAGE = (
    "how far each row is from those of the fit; null: in answers that are JSON, of models of up to 24 terms. "
    "It comes with an interval too, unless false"
)
PROBLEMS = responses(
    BodyTooLarge, BodyTimeout, UnsupportedMediaType, NotAcceptable, IngestError, UnreadableNumber, NotFound, ColumnsDiffer,
    TypesDiffer, InvalidValue, OverLimit, PredictionOutOfRange, UnseenCategory, NoInterval,
)  # fmt: skip


QVALUE = re.compile(r"[01](\.\d{0,3})?")


class PredictRequest(Strict):
    """Rows to predict for: `X` in the order of the model's features, or `columns` by name, in any order."""

    model_id: str = Field(description="a model's id or an alias")
    X: Matrix | None = None
    columns: Columns | None = None
    interval: Interval | None = Field(None, description="of the mean at the row, or of a new observation there")
    level: Annotated[float, Field(gt=0, lt=1)] = Field(LEVEL, description="of the interval")
    leverage: bool | None = Field(None, description=LEVERAGE)
    contributions: bool = Field(False, description="what each term adds to each prediction")
    on_unseen: OnUnseen = Field("error", description="what becomes of a category that the model was not fitted with")

    def wanted(self, form: str) -> Wanted:
        return Wanted(
            interval=self.interval, level=self.level, leverage=self.leverage, contributions=self.contributions,
            on_unseen=self.on_unseen, is_json=form == JSON,
        )  # fmt: skip


class PredictOut(BaseModel):
    """The predictions, and what is known of how far to trust them, a value a row; what was not asked for is not there.

    In CSV and Arrow these are columns: `prediction`, `lower`, `upper`, `leverage`, `extrapolation`, and a `contribution_` a term.
    """

    model_id: str
    predictions: list[float]
    lower: list[float] = Field([], description="with `interval`")
    upper: list[float] = Field([], description="with `interval`")
    leverage: list[float | None] | None = Field(
        None,
        description="x (X'WX)^-1 x': unless `leverage` is false; null where it does not exist, and, unless asked for, of models of "
        "more than 24 terms",
    )
    extrapolation: list[bool | None] = Field(
        description="whether the row lies outside what the model has seen: a feature outside its range, a leverage above all of the "
        "fit's own rows, or a category that it was not fitted with; null where that is not known"
    )
    contributions: dict[str, list[float]] = Field(
        {}, description="with `contributions`: by term, its coefficient times its value; they add up to the prediction"
    )
    reasons: dict[str, str] = Field(description="why figures are null, by their names")


ModelId = Annotated[str, Query(description="a model's id or an alias")]
AskedInterval = Annotated[Interval | None, Query(description="of the mean at the row, or of a new observation there")]
AskedLevel = Annotated[float, Query(gt=0, lt=1, description="of the interval")]
AskedLeverage = Annotated[bool | None, Query(description=LEVERAGE)]
AskedContributions = Annotated[bool, Query(description="what each term adds to each prediction")]
AskedOnUnseen = Annotated[OnUnseen, Query(description="what becomes of a category that the model was not fitted with")]


@router.post(
    "/predict", response_model=PredictOut, responses=PROBLEMS | {200: {"content": {CSV: {}, ARROW: {}}}},
    openapi_extra=json_body(PredictRequest, *READERS, example={"model_id": "prices", "X": [[1200.0, 3.0]]}),
)  # fmt: skip
async def predict(
    request: Request,
    use: Use,
    model_id: Annotated[str | None, Query(description="for bodies that are not JSON, as all of these")] = None,
    interval: AskedInterval = None,
    level: AskedLevel = LEVEL,
    leverage: AskedLeverage = None,
    contributions: AskedContributions = False,
    on_unseen: AskedOnUnseen = "error",
) -> Response:
    """Predict for rows: JSON, CSV with a header, an Arrow stream, or Parquet; answered as `Accept` has it, JSON by default."""
    type_, form = content_type(request, TYPES), _form(header(request, b"accept"))
    if type_ == JSON:
        body = await parsed(await read(request, use.limits), PredictRequest)
        wanted = body.wanted(form)
        found = _at_hand(use, body.model_id, _n_rows(body), wanted) if body.columns is None else None
        if found is not None:
            model, reach = found
            is_one = isinstance(body.X, list) and len(body.X) == 1  # an array has NaN for null, and is long
            one = of_row(use, model, reach, body.X[0], wanted) if is_one and body.X else None
            return _of_json(request, use, body, form, wanted, model) if one is None else _answer(model, one, form)
        return await asyncio.to_thread(lambda: _of_json(request, use, body, form, wanted, use.models.get(body.model_id)))
    if model_id is None:
        raise InvalidValue("", "a body that is not JSON needs the query parameter model_id", parameter="model_id")

    def of_table(stream: Readable) -> Response:
        model = use.models.get(model_id)
        wanted = Wanted(
            interval=interval,
            level=level,
            leverage=leverage,
            contributions=contributions,
            on_unseen=on_unseen,
            is_json=form == JSON,
        )
        reader = row_reader(request, use, use.limits.max_predict_rows, model.types)
        return _answer(model, predicted(use, model, blocks_of(model, reader(stream), on_unseen), wanted), form)

    limit = use.limits.max_json_bytes
    pieces = unpacked(request, Pieces(request, limit, use.limits.body_idle_s), limit)
    return await streamed(use.upload_threads, pieces, of_table)


@router.get("/predict", response_model=PredictOut, responses=PROBLEMS, openapi_extra={
    "parameters": [{
        "name": "features", "in": "query", "required": True, "style": "form", "explode": True,
        "description": "each of the model's features by its name: `?model_id=prices&sqft=1200&beds=3`",
        "schema": {"type": "object", "additionalProperties": {"type": ["number", "string", "boolean"]}},
    }],
})  # fmt: skip
async def predict_one(
    request: Request,
    use: Use,
    model_id: ModelId,
    interval: AskedInterval = None,
    level: AskedLevel = LEVEL,
    leverage: AskedLeverage = None,
    contributions: AskedContributions = False,
    on_unseen: AskedOnUnseen = "error",
) -> Response:
    """Predict for one row, its features in the query by name."""
    sent = [(name, value) for name, value in request.query_params.multi_items() if name not in PARAMETERS]
    wanted = Wanted(interval=interval, level=level, leverage=leverage, contributions=contributions, on_unseen=on_unseen)

    def one(model: Model) -> Response:
        taken = next((name for name in model.feature_names if name in PARAMETERS), None)
        if taken is not None:
            why = f"a feature of this model is called {taken}, which is a parameter here: use POST /predict"
            raise InvalidValue("", why, parameter=taken)
        named = [name for name, _ in sent]
        require_columns(model.feature_names, named)
        twice = next((name for i, name in enumerate(named) if name in named[:i]), None)
        if twice is not None:
            raise InvalidValue("", f"the feature {twice!r} is given twice", parameter=twice)
        cells = {name: [_cell(name, value, model.types[name])] for name, value in sent}
        if not model.recipe.levels:
            for name in model.timestamps:
                cells[name] = [_microseconds(name, str(cells[name][0]))]
            row = np.array([[cells[name][0] for name in model.feature_names]])
            return _answer(model, predicted(use, model, [SentRows(row)], wanted), JSON)
        return _answer(model, predicted(use, model, blocks_of(model, iter([of_columns(cells)]), on_unseen), wanted), JSON)

    found = _at_hand(use, model_id, 1, wanted)
    return one(found[0]) if found is not None else await asyncio.to_thread(lambda: one(use.models.get(model_id)))


def _at_hand(use: Services, name: str, n_rows: int, wanted: Wanted) -> tuple[Model, Reach | None] | None:
    """The model, if to predict these rows takes no longer than a hop to a thread and back, and its reach, if that is looked at."""
    model = use.models.in_memory(name)
    if model is None or not wanted.is_plain or n_rows * len(model.evaluation.hi) > QUICK_CELLS:
        return None
    if not wanted.looks_at_leverage(model):
        return model, None
    reach = use.spreads.at_hand(model)
    return None if reach is None else (model, reach)


def _n_rows(body: PredictRequest) -> int:
    return len(body.X) if body.X is not None else max(map(len, (body.columns or {"": []}).values()), default=0)


def _of_json(request: Request, use: Services, body: PredictRequest, form: str, wanted: Wanted, model: Model) -> Response:
    request.state.where = cell_pointer(body.columns, body.X, model.feature_names)
    return _answer(model, predicted(use, model, _blocks_of_json(use, body, model), wanted), form)


def _blocks_of_json(use: Services, body: PredictRequest, model: Model) -> Iterable[SentRows]:
    if (body.X is None) == (body.columns is None):
        raise InvalidValue("", "expected rows: either X or columns")
    n_rows = _n_rows(body)
    if n_rows > use.limits.max_predict_rows:
        raise OverLimit(
            "/X" if body.columns is None else "/columns", "rows of a prediction", n_rows, use.limits.max_predict_rows
        )
    if body.X is not None:
        return [of_matrix(model, body.X)]
    assert body.columns is not None  # noqa: S101 (one of the two is there)
    require_columns(model.feature_names, body.columns)
    return blocks_of(model, iter([of_columns(body.columns)]), body.on_unseen)


def _answer(model: Model, found: Predicted, form: str) -> Response:
    if form == JSON:
        body = {"model_id": model.id, "predictions": found.predictions, **found.columns}
        if found.contributions is not None:
            body["contributions"] = found.contributions
        body["reasons"] = found.reasons
        return Json(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
    columns = {"prediction": found.predictions, **found.columns}
    columns |= {f"contribution_{name}": values for name, values in (found.contributions or {}).items()}
    table = pa.table(
        columns, schema=pa.schema([(name, pa.bool_() if name == EXTRAPOLATION else pa.float64()) for name in columns])
    )
    return Response(written(table, "csv" if form == CSV else "arrow"), media_type=form, headers={"Linefit-Model-Id": model.id})


def _cell(name: str, value: str, type_: ColumnType) -> float | str | bool:
    """A feature in the query, as its cell in a CSV would be read. Raises: WrongParameter."""
    if type_ in ("text", "timestamp"):
        return value
    if type_ == "boolean":
        if value in BOOLEANS:
            return BOOLEANS[value]
        raise WrongParameter(0, name, value, "true or false")
    if value.isascii() and "_" not in value:  # Python takes others too, and nobody else does
        with suppress(ValueError):
            return float(value)
    raise WrongParameter(0, name, value, "a number")


def _microseconds(name: str, value: str) -> float:
    """A time, since 1970. Raises: WrongParameter: it is no date or time; TimestampOutOfRange."""
    try:
        return times.exact_microseconds(value, name)
    except ValueError:
        raise WrongParameter(0, name, value, times.EXPECTED) from None


@lru_cache(maxsize=64)
def _form(accept: str) -> str:
    """The form to answer in: of those that Accept names the one it likes best. Raises: NotAcceptable."""
    asked = [part.split(";") for part in accept.split(",")]
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
