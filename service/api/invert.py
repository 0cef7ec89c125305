"""`/models/{id}/invert`: given measured y, which x: calibration, and when a curve passes a threshold."""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON, content_type, json_body, parsed, read
from service.api.closed_form import closed_form
from service.api.errors import (
    BodyTimeout,
    BodyTooLarge,
    InvalidValue,
    NoInterval,
    NotTestable,
    UnseenCategory,
    UnsupportedMediaType,
)
from service.api.measured import ASKED, CELL, cells, measured, pointer
from service.api.problems import responses
from service.api.sent_rows import blocks_of, of_columns
from service.api.services import Services, Use
from service.ingest import times
from service.ingest.errors import IngestError, shown
from service.ingest.json_rows import Strict
from service.jobs.diagnosing import STOPPED
from service.jobs.workers import WorkerLost
from service.registry.errors import ColumnsDiffer, NotFound, TypesDiffer
from service.registry.matching import require_columns
from service.registry.models import Model
from service.solver.errors import UnreadableNumber, few
from service.solver.inversion import Inversion, Kind, Slice, inversions, without_errors
from service.solver.reading import check
from service.solver.regions import Region

router = APIRouter(tags=["models"])

MOST_DEGREE = 12  # of the curve: each y takes 6 ms
# A further power takes as long as so many columns: curves up to degree 6 take 1 ms alone, with 18 columns beside them 24.
POWER_COLUMNS = 3

UNEVEN = (
    "the noise of a new measurement is taken to be that of the whole fit, sigma, though its cov_type says that it is not even"
)
UNWEIGHTED = "a new measurement counts as a row of weight 1, as none was sent"
NO_YEAR = "what lies before the year 1 or after 9999 is null"
NOWHERE = "there is no one x at which the fitted curve has this y"


class InvertRequest(Strict):
    """What was measured, each item a question of its own."""

    y: Annotated[Any, WithJsonSchema(ASKED)] = Field(
        description="a list: a number is one measurement, a list the replicates of one unknown x"
    )
    feature: str | None = Field(None, description="the x that is asked for; needed if the model has several features")
    at: dict[str, Annotated[Any, WithJsonSchema(CELL)]] = Field({}, description="where the other features stand, by name")
    interval: Literal["prediction", "confidence"] = Field(
        "prediction", description="of the x of these measurements, or of the x at which the mean of y is that: a threshold"
    )
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    weight: Annotated[float, Field(ge=1e-150, le=1e150)] | None = Field(
        None, description="of each new measurement, as the weights of the fit count: its noise is sigma² / weight; 1 if null"
    )


Value = float | str
Written = Callable[[float], Value | None]


class InvertedOut(BaseModel):
    """Which x for one y."""

    y: float = Field(description="the mean of the replicates")
    n_replicates: int
    x: Value | None = Field(
        description="the estimate, a time where the feature is one; of several the one within the range of the fit, if one alone is"
    )
    estimates: list[Value] = Field(description="all x at which the fitted curve has this y, rising")
    lower: Value | None = Field(description="the ends of the bounded region that has x in it")
    upper: Value | None
    regions: list[Annotated[list[Value | None], Field(min_length=2, max_length=2)]] | None = Field(
        description="all x that the level does not exclude, from lower to upper each; null is no end; null in all: not known"
    )
    kind: Kind | None = Field(description='"interval" is the plain one; "unbounded": several parts, of which one has no end')
    extrapolation: bool | None = Field(description="whether x lies outside the range of the fit; null if that is not known")
    reason: str | None = Field(description="what is not plain, and why figures are null")


class InvertOut(BaseModel):
    """Which x, in the order of the y."""

    model_id: str
    feature: str
    interval: str
    level: float
    items: list[InvertedOut]


@router.post(
    "/models/{model_id}/invert", response_model=InvertOut,
    responses=responses(NotFound, InvalidValue, NoInterval, ColumnsDiffer, TypesDiffer, UnseenCategory, UnreadableNumber,
                        IngestError, UnsupportedMediaType, BodyTooLarge, BodyTimeout, WorkerLost),
    openapi_extra=json_body(InvertRequest, example={"y": [3.0, [2.9, 3.1, 3.05]], "feature": "x1", "at": {"x2": 1.0}}),
)  # fmt: skip
async def invert_model(request: Request, use: Use, model_id: str) -> Response:
    """Which x gave these measured y: Fieller's set, said as such where it is unbounded or empty."""
    content_type(request, (JSON,))
    body = await parsed(await read(request, use.limits), InvertRequest)
    answer = await asyncio.to_thread(lambda: _inverted(request, use, use.models.get(model_id), body))
    return Response(orjson.dumps(answer), media_type=JSON)


def _inverted(request: Request, use: Services, model: Model, body: InvertRequest) -> dict[str, Any]:
    asked = measured(body.y, body.interval)
    feature = _feature(model, body.feature)
    request.state.where = _where
    along = _slice(model, feature, cells(body.at))
    if body.weight is not None and body.interval == "confidence":
        raise InvalidValue("/weight", "where the mean passes a y depends on no new measurement: leave the weight out")
    found = _found(use, model, along, asked, body)
    note = _note(model, body)
    seen = (model.body["ranges"] or {}).get(feature)
    return {
        "model_id": model.id,
        "feature": feature,
        "interval": body.interval,
        "level": body.level,
        "items": [_item(one, seen, _as_time if feature in model.timestamps else _as_number, note) for one in found],
    }


def _note(model: Model, body: InvertRequest) -> str | None:
    """What the interval of a new measurement takes for granted."""
    options = model.body["options"]
    if body.interval == "confidence":
        return None
    if options["cov_type"] != "classical":
        return UNEVEN
    return UNWEIGHTED if options["weights"] and options["weight_type"] == "precision" and body.weight is None else None


def _found(use: Services, model: Model, along: Slice, asked: list[list[float]], body: InvertRequest) -> tuple[Inversion, ...]:
    """Raises: NoInterval: nobody knows how wrong the model may be, or it is wrong on purpose."""
    if model.body["descent"] is not None and "inference" in model.body["reasons"]:
        return without_errors(model.evaluation.hi, along, model.numbers, asked, STOPPED)
    try:
        closed = closed_form(use, model)
    except NotTestable as error:
        raise NoInterval(error.why) from None
    return use.solver.of_moments(
        len(closed.terms) + POWER_COLUMNS * (along.degree - 1), inversions, [closed.moments], closed.fit_intercept, along, asked,
        body.level, body.interval, closed.robust, 1.0 if body.weight is None else body.weight, for_=model.id,
    )  # fmt: skip


def _slice(model: Model, feature: str, at: dict[str, float | str | bool]) -> Slice:
    """The terms that were kept, and where the other features stand, read as the cells of a row are.

    Raises: InvalidValue: one of the feature's terms was dropped, or its degree is too high; ColumnsDiffer, TypesDiffer,
        WrongType, UnseenCategory, UnreadableNumber.
    """
    others = [name for name in model.feature_names if name != feature]
    require_columns(others, at)
    recipe, dropped = model.recipe, set(model.body["dropped"])
    place = next(j for j, base in enumerate(recipe.bases) if base.name == feature and base.group is None)
    lost = next((term.name for term in recipe.terms if place in dict(term.powers) and term.name in dropped), None)
    if lost is not None:
        why = f"the term {lost!r} was dropped, as it depends on others: the data do not tell how y depends on {feature}"
        raise InvalidValue("/feature", why)
    somewhere = "1970-01-01" if feature in model.timestamps else 0.0
    row = of_columns({name: [somewhere if name == feature else at[name]] for name in model.feature_names})
    ((bases, _),) = blocks_of(model, iter([row]))
    check(bases, [base.name for base in recipe.bases], "float64")
    along = Slice(tuple(term for term in recipe.terms if term.name not in dropped), place, tuple(bases[0].tolist()))
    if along.degree > MOST_DEGREE:
        raise InvalidValue("/feature", f"its powers go up to {along.degree}: curves up to degree {MOST_DEGREE} are inverted")
    return along


def _feature(model: Model, named: str | None) -> str:
    """Raises: InvalidValue: it is none, or none of numbers."""
    names = model.feature_names
    if named is None and len(names) > 1:
        raise InvalidValue("/feature", f"the model has several features: which of {few(names)}?")
    feature = names[0] if named is None else named
    if feature not in names:
        raise InvalidValue("/feature", f"there is no feature {shown(feature)!r}; there are {few(names)}")
    if feature in model.recipe.levels:
        raise InvalidValue("/feature", f"{shown(feature)!r} is a column of categories: only numbers can be found from y")
    return feature


def _item(found: Inversion, seen: Sequence[float] | None, written: Written, note: str | None) -> dict[str, Any]:
    """Args: written: a value of the feature as the answer has it. note: what its regions take for granted."""
    x, why = _chosen(found, seen)
    lower, upper = _around(found.regions, x)
    ends = [end for region in found.regions or () for end in region if not math.isinf(end)]
    beyond = NO_YEAR if any(written(value) is None for value in (*found.estimates, *ends)) else None
    reason = "; ".join(filter(None, (why, found.reason, beyond, note if found.regions else None)))
    return {
        "y": found.y,
        "n_replicates": found.n_replicates,
        "x": None if x is None else written(x),
        "estimates": [value for one in found.estimates if (value := written(one)) is not None],
        "lower": None if lower is None else written(lower),
        "upper": None if upper is None else written(upper),
        "regions": None if found.regions is None else [[written(end) for end in region] for region in found.regions],
        "kind": found.kind,
        "extrapolation": None if x is None or seen is None else not seen[0] <= x <= seen[1],
        "reason": reason or None,
    }


def _as_number(x: float) -> Value | None:
    """No end is null."""
    return None if math.isinf(x) else x


def _as_time(x: float) -> Value | None:
    """Microseconds since 1970 as the nearest time; no end is null, and what is so far that it cannot be written."""
    return times.nearest(x)


def _chosen(found: Inversion, seen: Sequence[float] | None) -> tuple[float | None, str | None]:
    """The estimate, or why there is none."""
    estimates = found.estimates
    if not estimates:
        return None, NOWHERE
    if len(estimates) == 1:
        return estimates[0], None
    within = [] if seen is None else [x for x in estimates if seen[0] <= x <= seen[1]]
    if len(within) == 1:
        return within[0], None
    where = "none" if seen is not None and not within else "more than one" if within else "nobody knows how many"
    return None, f"the fitted curve has this y at {len(estimates)} x, {where} of them within the range of the fit"


def _around(regions: Sequence[Region] | None, x: float | None) -> Region | tuple[None, None]:
    """The bounded region that has x in it; without an x the only one."""
    for lower, upper in regions or ():
        is_it = len(regions or ()) == 1 if x is None else lower <= x <= upper
        if is_it and not (math.isinf(lower) or math.isinf(upper)):
            return lower, upper
    return None, None


def _where(error: Exception) -> str:
    """Of what is wrong with `at`."""
    column = getattr(error, "column", None)
    return "/at" if column is None else pointer(str(column))
