"""Taking rows away: the exact sums of those that go, and the files of those that stay.

A file is never changed. Rows that leave at its front are passed over from then on, until they are more than those left; else
what is left is written into a file of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from service.registry.absorb import add
from service.registry.columns import Column, columns_of, seen
from service.registry.conditions import Condition
from service.registry.idents import new_id
from service.registry.parts import KeptPart
from service.solver.moments import Moments
from service.solver.summation import Summation
from service.store.rows import PartWriter, Rows

Leaving = Callable[[KeptPart], int | Condition]  # how many rows leave at the part's front, or which leave


@dataclass(frozen=True, slots=True)
class Removal:
    """What is left, in order; the exact sums of the rows that went, and their number."""

    parts: tuple[KeptPart, ...]
    panels: tuple[Moments, ...]
    n_removed: int


def those_of(added_in: int) -> Leaving:
    """The rows that a version was made with leave."""
    return lambda part: part.n_rows if part.added_in == added_in else 0


def those_where(condition: Condition) -> Leaving:
    """The rows leave for which the condition holds."""

    def leaving(part: KeptPart) -> int | Condition:
        if condition.column not in (column.name for column in part.columns):
            return 0
        column = next(column for column in part.columns if column.name == condition.column)
        if not condition.may_hold(column):
            return 0
        return part.n_rows if condition.must_hold(column) else condition

    return leaving


def all_but_the_last(n_rows: int, parts: Sequence[KeptPart]) -> Leaving:
    """Of these parts, the rows leave that come before the last so many."""
    n_leaving = max(0, sum(part.n_rows for part in parts) - n_rows)
    at_front: dict[int, int] = {}
    for part in parts:
        at_front[part.added_in] = min(part.n_rows, n_leaving)
        n_leaving -= at_front[part.added_in]
        if not n_leaving:
            break
    return lambda part: at_front.get(part.added_in, 0)


class Remover:
    """Takes rows away from parts. The files it writes are named in `written`: they are the caller's to keep or remove."""

    def __init__(self, folder: Path, dataset_id: str, panels: Sequence[Moments], written: list[Path]) -> None:
        """Args: panels: what is summed up, in which reading."""
        self._folder, self._id, self._written = folder, dataset_id, written
        self._sums = [Summation(panel.columns, panel.numbers) for panel in panels]
        self._n_removed = 0

    def removed(self, parts: Iterable[KeptPart], leaving: Leaving, *, is_wiped: bool) -> Removal:
        """The parts without the rows that leave.

        Args: is_wiped: rows that leave at the front of a file leave the disk too, at once.
        """
        left = tuple(part for before in parts if (part := self._left(before, leaving(before), is_wiped)) is not None)
        return Removal(left, tuple(summation.result() for summation in self._sums), self._n_removed)

    def _left(self, part: KeptPart, leaving: int | Condition, is_wiped: bool) -> KeptPart | None:
        rows = Rows([part.at(self._folder)])
        if isinstance(leaving, Condition):
            leaving = _as_front(leaving, rows)
        if leaving == 0:
            return part
        if leaving == part.n_rows:
            for batch in rows.batches():
                self._sum(batch)
            return None
        if is_wiped or isinstance(leaving, Condition) or part.first_row + leaving > part.n_rows - leaving:
            return self._rewritten(part, rows, leaving)
        return self._moved(part, rows, leaving)

    def _moved(self, part: KeptPart, rows: Rows, n_leaving: int) -> KeptPart:
        """The part without the rows at its front, which stay in its file."""
        gone = tuple(Column(column.name, column.type) for column in part.columns)
        for batch in rows.batches(0, n_leaving):
            self._sum(batch)
            gone = seen(gone, batch)
        columns = tuple(_without(*pair, rows, n_leaving) for pair in zip(part.columns, gone, strict=True))
        return replace(part, first_row=part.first_row + n_leaving, n_rows=part.n_rows - n_leaving, columns=columns)

    def _rewritten(self, part: KeptPart, rows: Rows, leaving: int | Condition) -> KeptPart:
        """The rows that stay, in a file of their own."""
        columns = columns_of(rows.schema)
        with PartWriter(self._folder, f"{self._id}_{new_id('rows')}") as writer:
            for goes, stays in _parted(rows.batches(), leaving):
                self._sum(goes)
                columns = seen(columns, stays)
                if stays.num_rows:
                    writer.write(stays)
            self._written.append(writer.commit())
        order = {column.name: column for column in columns}
        in_order = tuple(order[column.name] for column in part.columns)
        return KeptPart(part.added_in, writer.path.stem, writer.n_rows, in_order)

    def _sum(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            add(self._sums, batch)
            self._n_removed += batch.num_rows


def _as_front(condition: Condition, rows: Rows) -> int | Condition:
    """How many rows leave at the front, if no others do; else the condition."""
    n_leaving = n_before = last = 0
    for batch in rows.batches(columns=[condition.column]):
        found = np.flatnonzero(condition.holds(batch).to_numpy(zero_copy_only=False))
        if found.size:
            n_leaving, last = n_leaving + found.size, n_before + int(found[-1])
        n_before += batch.num_rows
    return n_leaving if not n_leaving or last == n_leaving - 1 else condition


def _parted(batches: Iterable[pa.RecordBatch], leaving: int | Condition) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Each batch as the rows that go and those that stay."""
    n_before = 0
    for batch in batches:
        if isinstance(leaving, Condition):
            goes = leaving.holds(batch)
            yield batch.filter(goes), batch.filter(pa.array(~goes.to_numpy(zero_copy_only=False)))
        else:
            n_leaving = min(max(leaving - n_before, 0), batch.num_rows)
            yield batch.slice(0, n_leaving), batch.slice(n_leaving)
        n_before += batch.num_rows


def _without(column: Column, gone: Column, rows: Rows, first: int) -> Column:
    """The column of the rows from `first` on; they are looked at only if one that went may have been the least or largest."""
    n_missing = column.n_missing - gone.n_missing
    if gone.min is None or (column.min != gone.min and column.max != gone.max):
        return replace(column, n_missing=n_missing)
    left: tuple[Column, ...] = (Column(column.name, column.type),)
    for batch in rows.batches(first, columns=[column.name]):
        left = seen(left, batch)
    return left[0]
