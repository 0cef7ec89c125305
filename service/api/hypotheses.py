"""`/models/{id}/test`: linear hypotheses on a model's coefficients, and models that are nested in others."""

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON, content_type, json_body, parsed, read
from service.api.closed_form import ClosedForm, closed_form, require_alike
from service.api.errors import BodyTimeout, BodyTooLarge, InvalidValue, NotComparable, NotTestable, UnsupportedMediaType
from service.api.problems import responses
from service.api.services import Services, Use
from service.ingest.errors import IngestError, shown
from service.ingest.json_rows import Strict
from service.jobs.workers import WorkerLost
from service.registry.errors import NotFound
from service.solver.errors import DependentHypotheses, few
from service.solver.hypotheses import FTest, Hypothesis, f_test

router = APIRouter(tags=["models"])

FORMS = ("hypotheses", "without", "model_id")
# More than the coefficients depend on each other: a million took 39 s to be refused. Pydantic reads all of them even so, in 3 s.
MOST_HYPOTHESES = 2000
# What must be the same of two models before their sums are compared, by name.
SAME = ("dataset_id", "dataset_version", "target", "numbers", "rows", "weights", "weight_type")


class HypothesisIn(Strict):
    """The sum of weights times coefficients is `equals`."""

    terms: dict[str, float] = Field(description='the weight of each term by its name; "intercept" is the intercept')
    equals: float = 0.0


class TestedRequest(Strict):
    """One of three: hypotheses, terms to be left out, or a model that is nested in this one, or this one in it."""

    hypotheses: Annotated[list[HypothesisIn], Field(min_length=1, max_length=MOST_HYPOTHESES, fail_fast=True)] | None = None
    without: Annotated[list[str], Field(min_length=1, fail_fast=True)] | None = Field(
        None, description="terms whose coefficients are all 0; the name of a column of categories stands for all of them"
    )
    model_id: str | None = Field(None, description="a model's id or an alias: the same rows, and a part of the terms, or more")
    level: Annotated[float, Field(gt=0, lt=1)] | None = Field(None, description="of the intervals; that of the model if null")


class HypothesisOut(BaseModel):
    """A combination of coefficients, and the t test that it is what it should be."""

    terms: dict[str, float]
    equals: float
    estimate: float | None = Field(description="of the sum of weights times coefficients")
    std_error: float | None
    t_value: float | None
    p_value: float | None = Field(description="two-sided")
    ci_lower: float | None
    ci_upper: float | None
    reason: str | None = Field(description="why a figure is null")


class TestedOut(BaseModel):
    """The F test of all hypotheses at once, and each by itself."""

    model_id: str = Field(description="the model whose coefficients were tested: of two, the one with more terms")
    restricted_model_id: str | None = Field(description="of two models the one with fewer terms")
    test: str = Field("F", description="F, of df_num and df_denom degrees of freedom")
    f_statistic: float | None
    df_num: int
    df_denom: int
    p_value: float | None
    cov_type: str
    level: float
    hypotheses: list[HypothesisOut]
    reasons: dict[str, str] = Field(description="why figures are null, by their names")


@router.post(
    "/models/{model_id}/test", response_model=TestedOut,
    responses=responses(NotFound, InvalidValue, NotTestable, NotComparable, DependentHypotheses, IngestError, UnsupportedMediaType,
                        BodyTooLarge, BodyTimeout, WorkerLost),
    openapi_extra=json_body(TestedRequest, example={"hypotheses": [{"terms": {"x1": 1, "x2": -1}, "equals": 0}]}),
)  # fmt: skip
async def test_model(request: Request, use: Use, model_id: str) -> Response:
    """Test what the coefficients are, or whether terms may be left out: an F test, exact where the covariance is."""
    content_type(request, (JSON,))
    body = await parsed(await read(request, use.limits), TestedRequest)
    request.state.where = lambda error: _where(body, error)
    answer = await asyncio.to_thread(_tested, use, model_id, body)
    return Response(orjson.dumps(answer), media_type=JSON)


def _tested(use: Services, name: str, body: TestedRequest) -> dict[str, Any]:
    sent = [form for form in FORMS if getattr(body, form) is not None]
    if len(sent) != 1:
        raise InvalidValue(f"/{sent[1]}" if sent else "", f"expected one of {', '.join(FORMS)}")
    model = closed_form(use, use.models.get(name))
    restricted = None
    if body.model_id is not None:
        model, restricted = _nested(model, closed_form(use, use.models.get(body.model_id), "/model_id"))
        asked = [HypothesisIn(terms={name: 1.0}) for name in model.names if name not in restricted.names]
    elif body.without is not None:
        asked = [HypothesisIn(terms={name: 1.0}) for name in _terms_of(model, body.without)]
    else:
        asked = body.hypotheses or []
    place = {name: i + (not model.fit_intercept) for i, name in enumerate(model.names)}
    hypotheses = [_hypothesis(model, j, one, place) for j, one in enumerate(asked)]
    options = model.model.body["options"]
    level = options["level"] if body.level is None else body.level
    found = use.solver.of_moments(
        len(model.terms),
        f_test,
        [model.moments],
        model.fit_intercept,
        hypotheses,
        level,
        model.robust,
        for_=model.model.id,
    )
    return {
        "model_id": model.model.id,
        "restricted_model_id": None if restricted is None else restricted.model.id,
        "cov_type": options["cov_type"],
        "level": level,
    } | _shown(found, asked)


def _shown(found: FTest, asked: list[HypothesisIn]) -> dict[str, Any]:
    names = ("estimate", "std_error", "t_value", "p_value", "ci_lower", "ci_upper", "reason")
    return {
        "test": "F",
        "f_statistic": found.statistic,
        "df_num": found.df_num,
        "df_denom": found.df_denom,
        "p_value": found.p_value,
        "hypotheses": [
            {"terms": one.terms, "equals": one.equals} | {name: getattr(of, name) for name in names}
            for one, of in zip(asked, found.hypotheses, strict=True)
        ],
        "reasons": found.reasons,
    }


def _hypothesis(model: ClosedForm, j: int, asked: HypothesisIn, place: dict[str, int]) -> Hypothesis:
    """Raises: InvalidValue: a term is not the model's."""
    for name in asked.terms:
        if name not in place:
            raise InvalidValue(f"/hypotheses/{j}/terms", _no_term(model, name))
    if not any(asked.terms.values()):
        raise InvalidValue(f"/hypotheses/{j}/terms", "all weights are 0: it says nothing of any coefficient")
    scales = {place[name]: scale for name, scale in model.model.scaled_terms.items() if name in asked.terms}
    return Hypothesis({place[name]: weight for name, weight in asked.terms.items()}, asked.equals, scales)


def _no_term(model: ClosedForm, name: str) -> str:
    if name in model.model.body["dropped"]:
        return f"the term {shown(name)!r} was dropped: it depends on others, and has no coefficient"
    return f"there is no term {shown(name)!r}; there are {few(model.names)}"


def _terms_of(model: ClosedForm, without: list[str]) -> list[str]:
    """The terms to be left out, a column of categories as its indicators. Raises: InvalidValue."""
    names: list[str] = []
    for j, name in enumerate(without):
        of_column = [base.name for base in model.model.recipe.bases if base.group == name]
        new = [name] if name in model.names else [term for term in of_column if term in model.terms]
        if not new:
            raise InvalidValue(f"/without/{j}", _no_term(model, name))
        if not set(new).isdisjoint(names):
            raise InvalidValue(f"/without/{j}", f"{shown(name)!r} is named twice")
        names += new
    return names


def _nested(one: ClosedForm, other: ClosedForm) -> tuple[ClosedForm, ClosedForm]:
    """The model with more terms, and that with fewer. Raises: NotComparable."""
    require_alike(one.model, other.model, SAME, "/model_id")
    full, restricted = (one, other) if len(one.names) > len(other.names) else (other, one)
    beyond = [name for name in restricted.names if name not in full.names]
    if beyond or len(full.names) == len(restricted.names):
        why = f"{beyond[0]!r} is no term of {full.model.id}" if beyond else "both have the same"
        raise NotComparable("terms", f"those of one model must be a part of the other's: {why}", "/model_id")
    if full.moments.select(restricted.moments.columns).digest() != restricted.moments.digest():
        why = "the sums differ: the models are of other rows, or rows were left out for cells that only one of them reads"
        raise NotComparable("n_samples", why, "/model_id")
    return full, restricted


def _where(body: TestedRequest, error: Exception) -> str:
    return f"/hypotheses/{error.hypothesis}" if isinstance(error, DependentHypotheses) and body.hypotheses else ""
