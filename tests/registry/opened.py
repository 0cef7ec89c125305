"""A registry over a store, as the app wires it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from service.registry.datasets import Datasets
from service.registry.design import Design
from service.registry.panels import CAPACITY, Panels
from service.registry.ranges import Ranges
from service.registry.sums import Sums
from service.store.tables import Store


@dataclass(frozen=True, slots=True)
class Opened:
    """Data sets and their sums."""

    datasets: Datasets
    sums: Sums

    @classmethod
    def over(cls, store: Store, folder: Path, whole_up_to: int = 128, panels_bytes: int = CAPACITY) -> Self:
        panels, ranges = Panels(store, panels_bytes), Ranges(store)
        datasets = Datasets(store, folder, whole_up_to, panels, ranges)
        return cls(datasets, Sums(store, datasets, panels, ranges, 1000))


def plain(*columns: str) -> Design:
    """The design of a fit of the last of the columns on the others, as they are."""
    *features, target = columns
    return Design(features=tuple(features), target=target)
