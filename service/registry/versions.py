"""A version of a data set: what is known of it, and how it is kept."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import orjson
import sqlalchemy as sa

from service.registry import windows
from service.registry.columns import Column, from_json, to_json
from service.registry.errors import NotNumeric
from service.registry.windows import Window
from service.solver.errors import UnknownColumn
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.store.tables import datasets, moments, versions


@dataclass(frozen=True, slots=True)
class Dataset:
    """A version of a data set."""

    id: str
    name: str
    version: int
    numbers: Numbers
    n_samples: int
    columns: tuple[Column, ...]
    created_at: str
    window: Window | None = None

    def numeric(self, role: str, name: str) -> str:
        """The name, if it is that of a column of numbers. Raises: UnknownColumn, NotNumeric."""
        column = self.column(name)
        if column.type != "number":
            raise NotNumeric(role, name, column.type)
        return name

    def column(self, name: str) -> Column:
        """Raises: UnknownColumn."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownColumn(name, tuple(column.name for column in self.columns))


@dataclass(frozen=True, slots=True)
class Change:
    """A version, and how it differs from the one before."""

    made: Dataset
    n_appended: int = 0
    n_removed: int = 0


Also = Callable[[sa.Connection, Dataset], None]  # what else belongs into the transaction that makes a data set
AlsoChanged = Callable[[sa.Connection, Change], None]  # the same, of another version


def nothing(*_made: object) -> None:
    """Nothing else belongs into the transaction."""


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version as it is kept: all that takes time is done when there is one."""

    made: Dataset
    panels: tuple[Moments, ...]
    rows: list[tuple[sa.Table, dict[str, Any]]]

    @classmethod
    def of(cls, made: Dataset, panels: tuple[Moments, ...]) -> Self:
        """The version and its sums; parts, if it has rows, are kept beside it."""
        key = {"dataset_id": made.id, "version": made.version}
        columns = to_json(made.columns)
        version = key | {"n_samples": made.n_samples, "columns": columns, "created_at": made.created_at}
        sums = [(moments, moments_row(made, position, panel)) for position, panel in enumerate(panels)]
        return cls(made, panels, [(versions, version), *sums])

    @property
    def n_bytes(self) -> int:
        """The size of the panels."""
        return sum(len(row["value"]) for table, row in self.rows if table is moments)

    def insert(self, connection: sa.Connection) -> None:
        for table, row in self.rows:
            connection.execute(sa.insert(table).values(row))

    def forget_older(self, connection: sa.Connection) -> None:
        """Older versions go, with all sums that were made of them."""
        for table in (versions, moments):
            older = table.c.dataset_id == self.made.id, table.c.version < self.made.version
            connection.execute(sa.delete(table).where(*older))


def described_versions() -> sa.Select[Any]:
    """What `dataset_of` needs, of all versions of all data sets."""
    return sa.select(
        datasets.c.id, datasets.c.name, datasets.c.numbers, datasets.c.window, versions.c.version, versions.c.n_samples,
        versions.c.columns, versions.c.created_at,
    ).join(versions, versions.c.dataset_id == datasets.c.id)  # fmt: skip


def dataset_of(row: sa.Row[Any]) -> Dataset:
    return Dataset(
        row.id, row.name, row.version, cast("Numbers", row.numbers), row.n_samples, from_json(row.columns), row.created_at,
        windows.from_json(row.window),
    )  # fmt: skip


def moments_of(dataset: Dataset, *what: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The moments kept of a version, or something else of their rows."""
    kept = sa.select(*what) if what else sa.select(moments.c.value)
    return kept.where(moments.c.dataset_id == dataset.id, moments.c.version == dataset.version)


def moments_row(dataset: Dataset, position: int, value: Moments) -> dict[str, Any]:
    return {
        "dataset_id": dataset.id, "version": dataset.version, "position": position,
        "columns_key": columns_key(value.columns), "value": value.to_bytes(),
    }  # fmt: skip


def columns_key(columns: Sequence[str]) -> str:
    return hashlib.sha256(orjson.dumps(sorted(columns))).hexdigest()
