"""Taking rows away: the exact sums of those that go, and the files of those that stay.

A file is never changed. Rows that leave at its front are passed over from then on, until they are more than those left; else
what is left is written into a file of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from service.registry.absorb import add
from service.registry.columns import Column, joined, less, seen
from service.registry.conditions import Condition
from service.registry.idents import new_id
from service.registry.parts import KeptPart
from service.solver.moments import Moments
from service.solver.summation import Summation
from service.store.rows import PartWriter, Rows

# Of parts, by their places: how many rows leave at the front, or which leave. The others are left as they are.
Leaving = Mapping[int, int | Condition]
Choice = Callable[[Sequence[KeptPart]], Leaving]


@dataclass(frozen=True, slots=True)
class Removal:
    """What is left of parts, in order; and of the rows that went the columns, the exact sums, and their number."""

    left: tuple[KeptPart, ...]
    dropped: tuple[KeptPart, ...]  # parts that are no more
    made: tuple[KeptPart, ...]  # parts in their place
    columns: tuple[Column, ...]
    panels: tuple[Moments, ...]
    n_removed: int


def those_of(added_in: int) -> Choice:
    """The rows leave that a version was made with."""
    return lambda parts: {i: part.n_rows for i, part in enumerate(parts) if part.added_in == added_in}


def those_where(condition: Condition) -> Choice:
    """The rows leave for which the condition holds."""

    def chosen(parts: Sequence[KeptPart]) -> Leaving:
        at = next(i for i, column in enumerate(parts[0].columns) if column.name == condition.column)
        return {
            i: part.n_rows if condition.must_hold(part.columns[at]) else condition
            for i, part in enumerate(parts)
            if condition.may_hold(part.columns[at])
        }

    return chosen


def first(n_rows: int) -> Choice:
    """The first so many rows leave."""

    def chosen(parts: Sequence[KeptPart]) -> Leaving:
        leaving, n_left = {}, n_rows
        for i, part in enumerate(parts):
            if n_left <= 0:
                break
            leaving[i] = min(part.n_rows, n_left)
            n_left -= part.n_rows
        return leaving

    return chosen


class Remover:
    """Takes rows away from parts, once. The files it writes are named in `written`: they are the caller's to keep or remove."""

    def __init__(self, folder: Path, dataset_id: str, panels: Sequence[Moments], written: list[Path]) -> None:
        """Args: panels: what is summed up, in which reading."""
        self._folder, self._id, self._written = folder, dataset_id, written
        self._sums = [Summation(panel.columns, panel.numbers) for panel in panels]
        self._n_removed = 0

    def removed(self, parts: Sequence[KeptPart], choice: Choice, *, is_wiped: bool) -> Removal:
        """The parts without the rows that leave.

        Args: parts: at least one. is_wiped: rows that leave at the front of a file leave the disk too, at once.
        """
        left: list[KeptPart | None] = list(parts)
        dropped, made, columns = [], [], _empty(parts[0].columns)
        for i, leaving in choice(parts).items():
            after, gone = self._left(parts[i], leaving, is_wiped)
            if after is parts[i]:
                continue
            left[i] = after
            dropped.append(parts[i])
            made += [] if after is None else [after]
            columns = joined(columns, gone)
        panels = tuple(summation.result() for summation in self._sums)
        whole = tuple(part for part in left if part is not None)
        return Removal(whole, tuple(dropped), tuple(made), columns, panels, self._n_removed)

    def _left(self, part: KeptPart, leaving: int | Condition, is_wiped: bool) -> tuple[KeptPart | None, tuple[Column, ...]]:
        """What is left of a part, and the columns of what went."""
        rows = Rows([part.at(self._folder)])
        if isinstance(leaving, Condition):
            leaving = _as_front(leaving, rows)
        if leaving == 0:
            return part, ()
        if leaving == part.n_rows:
            for batch in rows.batches():
                self._sum(batch)
            return None, part.columns
        if is_wiped or isinstance(leaving, Condition) or part.first_row + leaving > part.n_rows - leaving:
            return self._rewritten(part, rows, leaving)
        return self._moved(part, rows, leaving)

    def _moved(self, part: KeptPart, rows: Rows, n_leaving: int) -> tuple[KeptPart, tuple[Column, ...]]:
        """The part without the rows at its front, which stay in its file."""
        gone = _empty(part.columns)
        for batch in rows.batches(0, n_leaving):
            self._sum(batch)
            gone = seen(gone, batch)

        def again(column: Column) -> Column:
            found = _empty([column])
            for batch in rows.batches(n_leaving, columns=[column.name]):
                found = seen(found, batch)
            return found[0]

        columns = less(part.columns, gone, lambda i: again(part.columns[i]))
        n_rows = part.n_rows - n_leaving
        return replace(part, first_row=part.first_row + n_leaving, n_rows=n_rows, columns=columns), gone

    def _rewritten(self, part: KeptPart, rows: Rows, leaving: int | Condition) -> tuple[KeptPart, tuple[Column, ...]]:
        """The rows that stay, in a file of their own."""
        left = gone = _empty(part.columns)
        with PartWriter(self._folder, f"{self._id}_{new_id('rows')}") as writer:
            for goes, stays in _parted(rows.batches(), leaving):
                self._sum(goes)
                gone, left = seen(gone, goes), seen(left, stays)
                if stays.num_rows:
                    writer.write(stays)
            self._written.append(writer.commit())
        return KeptPart(part.added_in, writer.path.stem, writer.n_rows, left), gone

    def _sum(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            add(self._sums, batch)
            self._n_removed += batch.num_rows


def _empty(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns of no rows."""
    return tuple(Column(column.name, column.type) for column in columns)


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
