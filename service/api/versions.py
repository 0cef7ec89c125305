"""Versions of data sets: the one asked for, or the newest, from which rows may be taken away at any moment."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Query

from service.api.services import Services
from service.ingest.json_rows import Integer
from service.registry.errors import NotFound
from service.registry.versions import Dataset

Result = TypeVar("Result")

Version = Annotated[Integer | None, Query(ge=1, description="a version; the newest if left out")]


def of_version(use: Services, dataset_id: str, version: int | None, work: Callable[[Dataset], Result]) -> Result:
    """What `work` makes of a version; of the newest once more if rows were taken away meanwhile. Raises: NotFound; as `work`."""
    while True:
        dataset = use.datasets.get(dataset_id, version)
        try:
            return work(dataset)
        except NotFound:
            if version is not None or use.datasets.standing(dataset_id, dataset.version) == "here":
                raise
