"""Windows: which rows of a data set stay when others are appended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pyarrow as pa

from service.ingest.errors import MissingValue
from service.registry.columns import TYPES, Column
from service.registry.conditions import Condition, exactly, numeric
from service.registry.errors import NotNumeric
from service.solver.errors import UnknownColumn
from service.solver.reading import Numbers


@dataclass(frozen=True, slots=True)
class LastRows:
    """The last so many rows stay."""

    rows: int


@dataclass(frozen=True, slots=True)
class LastSpan:
    """The rows stay whose value in a column of numbers, a time say, is above the largest one less the span."""

    column: str
    span: float

    def left(self, columns: Iterable[Column], numbers: Numbers) -> Condition:
        """Which rows leave, of rows whose columns these are; exactly: neither the largest nor the bound is rounded."""
        largest = next(column.max for column in columns if column.name == self.column)
        assert largest is not None  # noqa: S101 (rows without one are not taken in)
        return numeric(self.column, "le", exactly(largest, numbers) - exactly(self.span, numbers), numbers)


Window = LastRows | LastSpan


def held(batches: Iterable[pa.RecordBatch], window: Window | None) -> Iterable[pa.RecordBatch]:
    """The batches, each checked to have what the window goes by.

    Raises: UnknownColumn, NotNumeric; MissingValue: with the row, counted from the first of `batches`.
    """
    return _checked(batches, window.column) if isinstance(window, LastSpan) else batches


def _checked(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    n_before = 0
    for batch in batches:
        cells = batch.column(_place(batch.schema, name))
        if cells.null_count:
            raise MissingValue(n_before + cells.is_null().to_pylist().index(True), name)
        n_before += batch.num_rows
        yield batch


def _place(schema: pa.Schema, name: str) -> int:
    names: Sequence[str] = schema.names
    if name not in names:
        raise UnknownColumn(name, tuple(names))
    type_ = TYPES[schema.field(name).type]
    if type_ != "number":
        raise NotNumeric("column of a window", name, type_)
    return names.index(name)


def to_json(window: Window | None) -> bytes | None:
    return None if window is None else orjson.dumps(asdict(window))


def from_json(text: bytes | None) -> Window | None:
    if text is None:
        return None
    fields: dict[str, Any] = orjson.loads(text)
    return LastRows(**fields) if "rows" in fields else LastSpan(**fields)
