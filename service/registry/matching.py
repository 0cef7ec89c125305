"""Rows that are sent to a data set or a model that is there: their columns go by name, and are of the types that it knows."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from service.ingest import times
from service.ingest.errors import WrongType, shown
from service.registry.columns import TYPES, Column, ColumnType
from service.registry.errors import ColumnsDiffer, TypesDiffer

_ARROW: dict[ColumnType, Any] = {name: type_ for type_, name in TYPES.items()}


def types_of(columns: Sequence[Column]) -> dict[str, ColumnType]:
    """The types of the columns by name."""
    return {column.name: column.type for column in columns}


def require_columns(expected: Collection[str], sent: Collection[str]) -> None:
    """Raises: ColumnsDiffer: some are missing, or unknown."""
    missing, unknown = [name for name in expected if name not in sent], [name for name in sent if name not in expected]
    if missing or unknown:
        raise ColumnsDiffer(missing, unknown)


def matched(batches: Iterable[pa.RecordBatch], types: Mapping[str, ColumnType]) -> Iterator[pa.RecordBatch]:
    """The batches with these columns, in their order and of their types: cells that are all missing are of any.

    Text is read as timestamps where these are asked for: JSON has no other way to write them.

    Raises: ColumnsDiffer; TypesDiffer, WrongType: rows counted from the first of `batches`.
    """
    n_before = 0
    for number, batch in enumerate(batches):
        if number == 0:
            require_columns(types, batch.schema.names)
        cells = [_as(name, type_, batch.column(name), n_before) for name, type_ in types.items()]
        yield pa.RecordBatch.from_arrays(cells, names=list(types))
        n_before += batch.num_rows


def _as(name: str, type_: ColumnType, cells: "pa.Array[Any]", n_before: int) -> "pa.Array[Any]":
    got = TYPES[cells.type]
    if got == type_:
        return cells
    if cells.null_count < len(cells):
        if type_ == "timestamp" and got == "text":
            return _read(name, cells, n_before)
        at = pc.index(cells.is_valid(), True).as_py()
        written = times.texts(cells.slice(at, 1)) if got == "timestamp" else cells.slice(at, 1).cast(pa.string())
        raise TypesDiffer(name, type_, got, n_before + at, shown(written[0].as_py()))
    nothing: pa.Array[Any] = pa.nulls(len(cells), _ARROW[type_])
    return nothing


def _read(name: str, cells: "pa.Array[Any]", n_before: int) -> "pa.Array[Any]":
    """Text as timestamps. Raises: WrongType."""
    found = times.of_text(cells)
    if found is None:
        at = times.first_that_is_none(cells)
        raise WrongType(n_before + at, name, cells[at].as_py(), times.EXPECTED, "the type of its column")
    return found
