"""Windows: which rows of a data set stay when others are appended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import orjson
import pyarrow as pa

from service.ingest.errors import MissingValue
from service.ingest.times import LEAST, SECOND
from service.registry.columns import ORDERED, TYPES, Column
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
    """The rows stay whose value in a column is above the largest one less the span; of timestamps, a span of seconds."""

    column: str
    span: float

    def left(self, columns: Iterable[Column], numbers: Numbers) -> Condition:
        """Which rows leave, of rows whose columns these are; exactly: neither the largest nor the bound is rounded."""
        column = next(column for column in columns if column.name == self.column)
        largest = column.max
        assert largest is not None  # noqa: S101 (rows without one are not taken in)
        if column.type == "timestamp":
            last = int(largest) - ceil(exactly(self.span, "decimal") * SECOND)
            return Condition(self.column, "le", max(last, LEAST - 1))
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
    if type_ not in ORDERED:
        raise NotNumeric("column of a window", name, type_)
    return names.index(name)


def to_json(window: Window | None) -> bytes | None:
    return None if window is None else orjson.dumps(asdict(window))


def from_json(text: bytes | None) -> Window | None:
    if text is None:
        return None
    fields: dict[str, Any] = orjson.loads(text)
    return LastRows(**fields) if "rows" in fields else LastSpan(**fields)
