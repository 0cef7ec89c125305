"""The parts of a data set: which rows of which files it has, in order."""

from collections.abc import Iterable, Sequence
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


def put(connection: sa.Connection, dataset_id: str, before: Sequence[KeptPart], after: Sequence[KeptPart]) -> None:
    """Make the parts those after, where they differ; what was summed of files that go goes with them."""
    old, new = {part.added_in: part for part in before}, {part.added_in: part for part in after}
    changed = [{"place": place} for place in old if old[place] is not new.get(place)]
    if changed:
        of_part = parts.c.dataset_id == dataset_id, parts.c.added_in == sa.bindparam("place")
        connection.execute(sa.delete(parts).where(*of_part), changed)
    gone = [{"gone": file} for file in files_gone(before, after)]
    if gone:
        connection.execute(sa.delete(running_sums).where(running_sums.c.file == sa.bindparam("gone")), gone)
    added = [row_of(dataset_id, part) for place, part in new.items() if part is not old.get(place)]
    if added:
        connection.execute(sa.insert(parts), added)


def files_gone(before: Iterable[KeptPart], after: Iterable[KeptPart]) -> list[str]:
    """The files that no part after has."""
    left = {part.file for part in after}
    return [part.file for part in before if part.file not in left]


def reading_job(connection: sa.Connection, dataset_id: str) -> str | None:
    """A job that reads the rows and has not ended."""
    unfinished = jobs.c.rows_dataset_id == dataset_id, jobs.c.state.in_(UNFINISHED)
    found: str | None = connection.execute(sa.select(jobs.c.id).where(*unfinished).limit(1)).scalar_one_or_none()
    return found
