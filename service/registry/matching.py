"""Rows that are sent to a data set that is there: their columns go by name."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from service.registry.columns import TYPES, Column
from service.registry.errors import ColumnsDiffer, TypesDiffer


def matched(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The batches with these columns, in their order and of their types: cells that are all missing are of any.

    Raises: ColumnsDiffer, TypesDiffer.
    """
    known = [column.name for column in columns]
    for number, batch in enumerate(batches):
        sent = batch.schema.names
        if number == 0 and set(known) != set(sent):
            raise ColumnsDiffer([name for name in known if name not in sent], [name for name in sent if name not in known])
        cells = [_as(column, batch.column(column.name)) for column in columns]
        yield pa.RecordBatch.from_arrays(cells, names=known)


def _as(column: Column, cells: "pa.Array[Any]") -> "pa.Array[Any]":
    got = TYPES[cells.type]
    if got == column.type:
        return cells
    if cells.null_count < len(cells):
        raise TypesDiffer(column.name, column.type, got)
    return cells.cast(next(type_ for type_, name in TYPES.items() if name == column.type))
