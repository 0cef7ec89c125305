"""`/models/{id}/changes`: how much each block of rows that was appended to a data set moved each coefficient."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from service.api.bodies import JSON
from service.api.errors import InvalidValue, NotTestable, OverLimit
from service.api.problems import responses
from service.api.services import Services, Use
from service.ingest.errors import IngestError
from service.ingest.json_rows import Integer
from service.jobs.workers import HowToSolve, WorkerLost
from service.registry.design import Recipe
from service.registry.errors import NoRowsKept, NotFound, TooManyTerms
from service.registry.models import Model
from service.registry.versions import Dataset
from service.solver.errors import SolverError
from service.solver.movements import movements

router = APIRouter(tags=["models"])

MOST_BLOCKS = 200  # a fit each
OTHER_BASELINE = "its categories begin with another one, from which the coefficients of the others are counted"
NO_DATASET = "it was fitted to rows in the call, to which none are appended"
BY_DESCENT = "it was fitted by descent: what each block moves is that of the normal equation"

From = Annotated[
    Integer | None, Query(alias="from", ge=1, description=f"a version; the first of the last {MOST_BLOCKS} if left out")
]
To = Annotated[Integer | None, Query(alias="to", ge=1, description="a later version; that of the model if left out")]


class BlockOut(BaseModel):
    """A version, and what the rows that came with it did."""

    version: int
    n_samples: int = Field(description="rows of the data set up to this version")
    n_appended: int | None = Field(description="rows that came with it; null for the version that the changes begin at")
    coef: dict[str, float | None] | None = Field(description="of the fit to all rows up to this version; null: there is none")
    change: dict[str, float | None] | None = Field(
        description="by which the block moved each; null where nothing is known before"
    )
    reason: str | None = Field(description="why there is no fit")


class ChangesOut(BaseModel):
    """The blocks in order. For each coefficient the changes add up to its total exactly."""

    model_id: str
    dataset_id: str
    from_version: int
    to_version: int
    terms: list[str] = Field(description="the intercept first, if it is fitted")
    blocks: list[BlockOut]
    total: dict[str, float | None] = Field(description="from the first version that can be fitted to the last")


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A version, and its coefficients, or why it has none."""

    dataset: Dataset
    coef: dict[str, float | None] | None
    reason: str | None = None


@router.get(
    "/models/{model_id}/changes", response_model=ChangesOut,
    responses=responses(NotFound, NotTestable, InvalidValue, OverLimit, NoRowsKept, TooManyTerms, IngestError, WorkerLost),
)  # fmt: skip
async def changes(use: Use, model_id: str, first: From = None, last: To = None) -> Response:
    """Between two versions of the model's data set: by how much each appended block moved each coefficient."""
    answer = await asyncio.to_thread(lambda: _changes(use, use.models.get(model_id), first, last))
    return Response(orjson.dumps(answer), media_type=JSON)


def _changes(use: Services, model: Model, first: int | None, last: int | None) -> dict[str, Any]:
    dataset_id = model.body["dataset_id"]
    if dataset_id is None:
        raise NotTestable(model.id, NO_DATASET)
    if model.body["method"] != "normal_equation":
        raise NotTestable(model.id, BY_DESCENT)
    chosen = _chosen(use, dataset_id, first, model.body["dataset_version"] if last is None else last)
    newest = use.datasets.get(dataset_id, chosen[-1])
    fits = [_fitted(use, model, use.datasets.get(dataset_id, version), newest) for version in chosen]
    names = [*(["intercept"] if model.body["options"]["fit_intercept"] else []), *model.body["terms"]]
    moved, total = {}, {}
    for name in names:
        moved[name], total[name] = movements([None if fit.coef is None else fit.coef[name] for fit in fits])
    return {
        "model_id": model.id,
        "dataset_id": dataset_id,
        "from_version": chosen[0],
        "to_version": chosen[-1],
        "terms": names,
        "blocks": [_shown(fits, i, {name: moved[name][i] for name in names}) for i in range(len(fits))],
        "total": total,
    }


def _shown(fits: Sequence[_Fitted], i: int, change: dict[str, float | None]) -> dict[str, Any]:
    fit = fits[i]
    return {
        "version": fit.dataset.version,
        "n_samples": fit.dataset.n_samples,
        "n_appended": fit.dataset.n_samples - fits[i - 1].dataset.n_samples if i else None,
        "coef": fit.coef,
        "change": None if all(value is None for value in change.values()) else change,
        "reason": fit.reason,
    }


def _chosen(use: Services, dataset_id: str, first: int | None, last: int) -> list[int]:
    """The versions asked for. Raises: NotFound, InvalidValue, OverLimit."""
    here = use.datasets.versions(dataset_id)
    for version in (last, first):
        if version is not None and version not in here:
            raise NotFound(f"version {version} of data set", dataset_id)
    if first is not None and first >= last:
        raise InvalidValue("", f"expected a version before {last}, to which the changes go", parameter="from")
    chosen = [version for version in here if (first or 0) <= version <= last]
    if first is None:
        return chosen[-1 - MOST_BLOCKS :]
    if len(chosen) > 1 + MOST_BLOCKS:
        raise OverLimit("", "blocks between two versions", len(chosen) - 1, MOST_BLOCKS)
    return chosen


def _fitted(use: Services, model: Model, dataset: Dataset, newest: Dataset) -> _Fitted:
    """The fit of the model's terms to the rows of a version, which are the first of those of the newest."""
    start, stop = model.design.rows or (0, dataset.n_samples)
    design = replace(model.design, rows=(start, min(stop, dataset.n_samples)) if model.design.rows else None)
    if start >= dataset.n_samples:
        return _Fitted(dataset, None, f"it has none of the rows from {start} on")
    try:
        summed = use.sums.known(dataset, design)
        if summed is None:  # from running sums of the newest version, where there are any: a block is read once
            design = replace(design, rows=(start, min(stop, dataset.n_samples)))
            summed = use.sums.of(newest, design)
        recipe, options = Recipe.of(design, summed.found.levels), model.body["options"]
        if any(recipe.baselines.get(name) != level for name, level in model.recipe.baselines.items()):
            return _Fitted(dataset, None, OTHER_BASELINE)
        how = HowToSolve(
            options["fit_intercept"], options["l2"], options["rank_deficient"], None if design.is_plain else recipe.made_of,
            recipe.scales(model.timestamps, options["per"]),
        )  # fmt: skip
        fit = use.solver.least_squares(summed.moments, how, model.id)
    except SolverError as error:
        return _Fitted(dataset, None, str(error))
    known: dict[str, float | None] = dict(
        zip(fit.feature_names, fit.coef if fit.scaled is None else fit.scaled.coef, strict=True)
    )
    known["intercept"] = fit.intercept
    return _Fitted(dataset, {name: known.get(name) for name in ("intercept", *model.body["terms"])})
