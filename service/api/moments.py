"""`/datasets/{id}/moments`: the exact sums of products of a data set's columns, in a form that is read exactly."""

import asyncio
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from service.api.bodies import JSON
from service.api.errors import InvalidValue
from service.api.problems import responses
from service.api.services import Services, Use
from service.api.versions import Version, of_version
from service.ingest.errors import MissingValue
from service.registry.design import Design
from service.registry.errors import NotFound, NotNumeric, TooManyTerms
from service.registry.versions import Dataset
from service.solver.errors import UnknownColumn
from service.solver.exchange import exchanged
from service.solver.moments import Moments

router = APIRouter(tags=["datasets"])

DIGEST = "sha256 of the values: the same rows have the same, whatever made the sums"


class MomentsOut(BaseModel):
    """The exact sums of products of [1, *columns]; what POST /datasets takes as `moments`."""

    dataset_id: str
    version: int
    numbers: Literal["float64", "decimal"]
    columns: list[str]
    n_samples: int
    places: list[int] = Field(
        description="in units of base**-places (2 of float64, 10 of decimal) a column's values are integers"
    )
    sums: list[list[str]] = Field(
        description="the upper triangle row by row; entry (i, j) is in units of base**-(places_i + places_j), the constant's "
        "places being 0"
    )
    digest: str = Field(description=DIGEST)


@router.get(
    "/datasets/{dataset_id}/moments", response_model=MomentsOut,
    responses=responses(NotFound, UnknownColumn, NotNumeric, InvalidValue, MissingValue, TooManyTerms),
)  # fmt: skip
async def get_moments(
    use: Use,
    dataset_id: str,
    version: Version = None,
    columns: Annotated[list[str] | None, Query(description="repeated; all columns of numbers if left out")] = None,
) -> Response:
    """The exact sums of products: all that a fit needs of the rows, and as private as they are."""

    def answer(dataset: Dataset) -> tuple[bytes, str]:
        found = _moments(use, dataset, _chosen(dataset, columns))
        text, digest = exchanged(found), found.digest()
        body = MomentsOut(
            dataset_id=dataset.id, version=dataset.version, numbers=found.numbers, columns=list(found.columns),
            n_samples=found.n_samples, places=list(text.places), sums=text.sums, digest=digest,
        )  # fmt: skip
        return orjson.dumps(body.model_dump()), digest

    body, digest = await asyncio.to_thread(of_version, use, dataset_id, version, answer)
    return Response(body, headers={"ETag": f'"{digest}"', "Cache-Control": "no-store"}, media_type=JSON)


def _chosen(dataset: Dataset, columns: list[str] | None) -> list[str]:
    """Raises: UnknownColumn, NotNumeric, InvalidValue: a column is repeated, or there is none."""
    if columns is None:
        columns = [column.name for column in dataset.columns if column.type == "number"]
    elif len(set(columns)) < len(columns):
        raise InvalidValue("", "a column is named twice", parameter="columns")
    if not columns:
        raise InvalidValue("", "the data set has no column of numbers", parameter="columns")
    return [dataset.numeric("column", name) for name in columns]


def _moments(use: Services, dataset: Dataset, columns: list[str]) -> Moments:
    """Those made before, or from a pass over the rows. Raises: NotFound, MissingValue, TooManyTerms."""
    *features, target = columns
    design = Design(features=tuple(features), target=target)
    found = use.sums.of(dataset, design)
    return found.moments.select(columns)
