"""`/compare`: two models of the same terms, or the same fit of two data sets: equal slopes, equal lines, where they cross."""

import asyncio
import math
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON, content_type, json_body, parsed, read
from service.api.comparable import Side, of_datasets, of_models, overlap
from service.api.errors import (
    BodyTimeout,
    BodyTooLarge,
    InvalidValue,
    NotComparable,
    NotTestable,
    OverLimit,
    UnsupportedMediaType,
)
from service.api.problems import responses
from service.api.services import Services, Use
from service.api.shown import InferenceRow
from service.api.versions import of_version
from service.ingest import times
from service.ingest.errors import IngestError
from service.ingest.json_rows import Integer, Strict
from service.jobs.workers import WorkerLost
from service.registry.errors import NoRowsKept, NotFound, NotNumeric, TooManyTerms
from service.solver.comparison import Comparison, compared
from service.solver.errors import CoefficientOutOfRange, RankDeficient, TooFewRows
from service.solver.hypotheses import FTest
from service.solver.inversion import Kind

router = APIRouter(tags=["models"])

LEVEL = 0.95
NO_YEAR = "what lies before the year 1 or after 9999 is null"
FIGURES = ("estimate", "std_error", "t_value", "p_value", "ci_lower", "ci_upper", "reason")


class DatasetIn(Strict):
    """A version of a data set; the newest if it is left out."""

    dataset_id: str
    version: Annotated[Integer, Field(ge=1)] | None = None


class CompareRequest(Strict):
    """Two models, or two data sets and what is to be fitted to each."""

    models: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(None, description="ids or aliases")
    datasets: Annotated[list[DatasetIn], Field(min_length=2, max_length=2)] | None = None
    target: str | None = Field(None, description="with `datasets`: the column to be explained")
    features: list[str] | None = Field(None, description="with `datasets`: all other columns of numbers if null")
    level: Annotated[float, Field(gt=0, lt=1)] = Field(LEVEL, description="of the intervals")


class Compared(BaseModel):
    """One of the two: its fit by itself."""

    model_id: str | None
    dataset_id: str | None
    dataset_version: int | None
    n_samples: int
    df_resid: int
    sigma: float | None
    intercept: float | None
    coef: dict[str, float]


class FTestOut(BaseModel):
    """An F test. A figure that does not exist is null, and `reasons` says why."""

    f_statistic: float | None
    df_num: int
    df_denom: int
    p_value: float | None


Value = float | str


class CrossingOut(BaseModel):
    """Where the two lines cross, and for which x the data do not tell them apart (Fieller's set)."""

    x: Value | None = Field(description="null: the lines are parallel; a time where the feature is one")
    lower: Value | None = Field(description="the ends of the set where it is in one piece")
    upper: Value | None
    regions: list[Annotated[list[Value | None], Field(min_length=2, max_length=2)]] | None = Field(
        description="all x that the level does not exclude, from lower to upper each; null is no end; null in all: not known"
    )
    kind: Kind | None = Field(description='"interval" is the plain one; others where the slopes may be equal')


class CompareOut(BaseModel):
    """How the second differs from the first."""

    first: Compared
    second: Compared
    target: str
    terms: list[str]
    level: float
    equal_slopes: FTestOut = Field(description="all coefficients but the intercept are the same")
    equal_intercepts_given_equal_slopes: FTestOut | None
    equal_lines: FTestOut = Field(description="all coefficients are the same: Chow's test")
    differences: list[InferenceRow] = Field(description="of each coefficient, second less first")
    crossing: CrossingOut | None = Field(description="of two lines: of one numeric feature")
    variance_ratio: FTestOut = Field(description="the error variance of the second over that of the first, two-sided")
    warnings: list[str] = Field(description="what speaks against trusting the tests")
    reasons: dict[str, str] = Field(description="why figures are null, by their names")


@router.post(
    "/compare", response_model=CompareOut,
    responses=responses(NotFound, InvalidValue, NotTestable, NotComparable, NotNumeric, RankDeficient, TooFewRows, NoRowsKept,
                        CoefficientOutOfRange, TooManyTerms, OverLimit, IngestError, UnsupportedMediaType, BodyTooLarge, BodyTimeout,
                        WorkerLost),
    openapi_extra=json_body(CompareRequest, example={"models": ["control", "treated"]}),
)  # fmt: skip
async def compare(request: Request, use: Use) -> Response:
    """Compare two fits of the same terms: exact F tests on the moments of both together, which must be of different rows."""
    content_type(request, (JSON,))
    body = await parsed(await read(request, use.limits), CompareRequest)
    place = ""

    def at(i: int) -> None:
        nonlocal place
        place = f"/datasets/{i}"

    request.state.where = lambda error: "/target" if _is_about(error, body.target) else place
    answer = await asyncio.to_thread(lambda: _answer(use, body, *_sides(use, body, at)))
    return Response(orjson.dumps(answer), media_type=JSON)


def _is_about(error: Exception, target: str | None) -> bool:
    return isinstance(error, NotNumeric) and error.column == target


def _sides(use: Services, body: CompareRequest, at: Any) -> tuple[Side, Side]:
    if (body.models is None) == (body.datasets is None):
        raise InvalidValue("" if body.models is None else "/datasets", "expected models or datasets, one of the two")
    if body.models is not None:
        for name in ("target", "features"):
            if getattr(body, name) is not None:
                raise InvalidValue(
                    f"/{name}", f"models have a {name} of their own" if name == "target" else "models have their own"
                )
        return of_models(use, body.models)
    target, chosen = body.target, body.datasets or []
    if target is None:
        raise InvalidValue("/target", "expected the name of the column to be explained")
    (one, v1), (other, v2) = ((each.dataset_id, each.version) for each in chosen)
    at(0)
    return of_version(
        use, one, v1,
        lambda first: of_version(use, other, v2, lambda second: of_datasets(use, (first, second), target, body.features, at)),
    )  # fmt: skip


def _answer(use: Services, body: CompareRequest, first: Side, second: Side) -> dict[str, Any]:
    """Raises: OverLimit."""
    n_columns = 2 * (len(first.terms) + first.fit_intercept)
    if n_columns > use.limits.max_columns:
        pointer = "/models" if body.datasets is None else "/features"
        raise OverLimit(pointer, "columns of both together", n_columns, use.limits.max_columns)
    pair = [first.moments, second.moments.select(first.moments.columns)]
    found = use.solver.of_moments(
        n_columns, compared, pair, first.fit_intercept, body.level, first.is_line, [first.scales.get(term, 1) for term in first.terms],
        for_=str(first.shown["model_id"] or first.shown["dataset_id"]),
    )  # fmt: skip
    return {
        "first": first.shown,
        "second": second.shown,
        "target": first.moments.columns[-1],
        "terms": first.terms,
        "level": body.level,
        "warnings": _warnings(first, second, found, body.level),
    } | _tests(found, (*(["intercept"] if first.fit_intercept else []), *first.terms), first)


def _tests(found: Comparison, names: tuple[str, ...], side: Side) -> dict[str, Any]:
    tests = {
        "equal_slopes": found.equal_slopes,
        "equal_intercepts_given_equal_slopes": found.equal_intercepts,
        "equal_lines": found.equal_lines,
        "variance_ratio": found.variance_ratio,
    }
    cross, crossing_reasons = _crossing(found, is_of_time=side.is_of_time)
    reasons = {name: test.reasons["statistic"] for name, test in tests.items() if test is not None and test.reasons}
    return {name: None if test is None else _shown(test) for name, test in tests.items()} | {
        "differences": [
            {"term": name} | {figure: getattr(of, figure) for figure in FIGURES}
            for name, of in zip(names, found.equal_lines.hypotheses, strict=True)
        ],
        "crossing": cross,
        "reasons": found.reasons | crossing_reasons | reasons,
    }


def _crossing(found: Comparison, *, is_of_time: bool) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Where the lines cross, if they are lines, and why an end of that is null."""
    cross = found.crossing
    if cross is None:
        return None, {}
    beyond = False

    def written(x: float | None) -> Value | None:
        nonlocal beyond
        if x is None or math.isinf(x):
            return None
        value = times.nearest(x) if is_of_time else x
        beyond = beyond or value is None
        return value

    regions = None if cross.regions is None else [[written(end) for end in region] for region in cross.regions]
    lower, upper = regions[0] if regions is not None and len(regions) == 1 else (None, None)
    shown = {"x": written(cross.x), "lower": lower, "upper": upper, "regions": regions, "kind": cross.kind}
    return shown, {"crossing_interval": NO_YEAR} if beyond else {}


def _shown(test: FTest) -> dict[str, Any]:
    return {"f_statistic": test.statistic, "df_num": test.df_num, "df_denom": test.df_denom, "p_value": test.p_value}


def _warnings(first: Side, second: Side, found: Comparison, level: float) -> list[str]:
    shared = overlap(first, second)
    p_value = found.variance_ratio.p_value
    robust = [side.cov_type for side in (first, second) if side.cov_type != "classical"]
    return [
        *([] if shared is None else [shared]),
        *([f"the error variances differ (p = {p_value:.2g}), and the other tests take them for equal"]
          if p_value is not None and p_value < 1 - level else []),
        *([f"the tests take all errors for equal in variance and independent, whatever {robust[0]!r} has found"] if robust else []),
    ]  # fmt: skip
