"""The parts of a data set: which rows of which files it has, in order."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from service.registry import columns
from service.registry.columns import Column
from service.store.rows import Part, path
from service.store.tables import UNFINISHED, jobs, parts, running_sums


@dataclass(frozen=True, slots=True)
class KeptPart:
    """The last n_rows rows of a file, from first_row on: what is left of those that a version was made with."""

    added_in: int
    file: str
    n_rows: int
    columns: tuple[Column, ...]  # of these rows; means and deviations aside
    first_row: int = 0

    def at(self, folder: Path) -> Part:
        return Part(path(folder, self.file), self.n_rows, self.first_row)


def parts_of(connection: sa.Connection, dataset_id: str) -> list[KeptPart]:
    """The parts of the newest version."""
    query = sa.select(parts).where(parts.c.dataset_id == dataset_id).order_by(parts.c.added_in)
    return [
        KeptPart(row.added_in, row.file, row.n_rows, columns.from_json(row.columns), row.first_row)
        for row in connection.execute(query)
    ]


def has_rows(connection: sa.Connection, dataset_id: str) -> bool:
    """Whether the data set has any part."""
    return connection.execute(sa.select(parts.c.added_in).where(parts.c.dataset_id == dataset_id).limit(1)).first() is not None


def row_of(dataset_id: str, part: KeptPart) -> dict[str, Any]:
    return {
        "dataset_id": dataset_id, "added_in": part.added_in, "file": part.file, "first_row": part.first_row,
        "n_rows": part.n_rows, "columns": columns.to_json(part.columns),
    }  # fmt: skip


def put(
    connection: sa.Connection, dataset_id: str, dropped: Iterable[KeptPart], added: Iterable[KeptPart], unused: Iterable[str]
) -> None:
    """Put some parts in the place of others; what was summed of files that are unused then goes with them."""
    places = [{"place": part.added_in} for part in dropped]
    if places:
        of_part = parts.c.dataset_id == dataset_id, parts.c.added_in == sa.bindparam("place")
        connection.execute(sa.delete(parts).where(*of_part), places)
    forget_sums(connection, unused)
    rows = [row_of(dataset_id, part) for part in added]
    if rows:
        connection.execute(sa.insert(parts), rows)


def forget_sums(connection: sa.Connection, files: Iterable[str]) -> None:
    """What was summed of these files goes."""
    gone = [{"gone": file} for file in files]
    if gone:
        connection.execute(sa.delete(running_sums).where(running_sums.c.file == sa.bindparam("gone")), gone)


def extremes(kept: Iterable[KeptPart], i: int) -> Column:
    """Column i of all these parts."""
    columns = [part.columns[i] for part in kept]
    low = [column.min for column in columns if column.min is not None]
    high = [column.max for column in columns if column.max is not None]
    n_missing = sum(column.n_missing for column in columns)
    return Column(
        columns[0].name, columns[0].type, min=min(low, default=None), max=max(high, default=None), n_missing=n_missing
    )


def reading_job(connection: sa.Connection, dataset_id: str) -> str | None:
    """A job that reads the rows and has not ended."""
    unfinished = jobs.c.rows_dataset_id == dataset_id, jobs.c.state.in_(UNFINISHED)
    found: str | None = connection.execute(sa.select(jobs.c.id).where(*unfinished).limit(1)).scalar_one_or_none()
    return found
