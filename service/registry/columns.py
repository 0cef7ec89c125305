"""What is known of the columns of some rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from service.ingest.times import TIMESTAMP, extremes
from service.solver.moments import Moments
from service.solver.spread import means_and_stds

Floats: TypeAlias = NDArray[np.float64]
ColumnType = Literal["number", "text", "boolean", "timestamp"]
TYPES: dict[pa.DataType, ColumnType] = {
    pa.float64(): "number", pa.string(): "text", pa.bool_(): "boolean", TIMESTAMP: "timestamp",
}  # fmt: skip
ORDERED = ("number", "timestamp")  # types whose extremes are known


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a data set. Mean, std (by n - 1), min and max are those of the numbers that are there.

    Of timestamps the extremes are known, as microseconds since 1970.
    """

    name: str
    type: ColumnType
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    n_missing: int = 0

    def joined(self, other: "Column") -> "Column":
        """The column of both: its extremes, and how many cells are missing; mean and std are not known of it."""
        low = [value for value in (self.min, other.min) if value is not None]
        high = [value for value in (self.max, other.max) if value is not None]
        return Column(
            self.name, self.type, min=min(low, default=None), max=max(high, default=None),
            n_missing=self.n_missing + other.n_missing,
        )  # fmt: skip


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns of no rows yet."""
    return tuple(Column(field.name, TYPES[field.type]) for field in schema)


def seen(columns: Iterable[Column], batch: pa.RecordBatch) -> tuple[Column, ...]:
    """The columns with more rows seen."""
    return tuple(column.joined(_of(column, batch.column(column.name))) for column in columns)


def joined(columns: Sequence[Column], others: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of both."""
    return tuple(a.joined(b) for a, b in zip(columns, others, strict=True))


def less(columns: Sequence[Column], gone: Sequence[Column], again: Callable[[int], Column]) -> tuple[Column, ...]:
    """The columns of what is left when rows go whose columns those are.

    Args: again: looks at all that is left of column i: needed only if the least or the largest may have gone.
    """

    def left(i: int, column: Column, other: Column) -> Column:
        is_inside = other.min is None or (column.min != other.min and column.max != other.max)
        return replace(column, n_missing=column.n_missing - other.n_missing) if is_inside else again(i)

    return tuple(left(i, *pair) for i, pair in enumerate(zip(columns, gone, strict=True)))


def described(columns: Sequence[Column], panels: Sequence[Moments]) -> tuple[Column, ...]:
    """The columns with the means and deviations that the sums have."""
    n_missing = {column.name: column.n_missing for column in columns}
    spread: dict[str, tuple[float | None, float | None]] = {}
    for panel in panels:
        counts = [panel.n_samples - n_missing[name] for name in panel.columns]
        spread |= dict(zip(panel.columns, means_and_stds(panel, counts), strict=True))
    unknown = (None, None)
    return tuple(
        replace(column, mean=spread.get(column.name, unknown)[0], std=spread.get(column.name, unknown)[1])
        for column in columns
    )


def numbers_of(values: "pa.Array[Any]", imputed: float | None = None) -> Floats:
    """A column of numbers as an array (n,), what is missing as `imputed` or NaN; of timestamps the microseconds since 1970."""
    if values.type == TIMESTAMP:
        values = values.view(pa.int64()).cast(pa.float64(), safe=False)
    if not values.null_count:
        return values.to_numpy()
    floats: Floats = values.to_numpy(zero_copy_only=False)
    return floats if imputed is None else np.where(values.is_null().to_numpy(zero_copy_only=False), imputed, floats)


def to_json(columns: Iterable[Column]) -> bytes:
    return orjson.dumps([asdict(column) for column in columns])


def from_json(text: bytes) -> tuple[Column, ...]:
    return tuple(Column(**column) for column in orjson.loads(text))


def _of(column: Column, values: "pa.Array[Any]") -> Column:
    n_missing = values.null_count
    if column.type not in ORDERED or n_missing == len(values):
        return replace(column, min=None, max=None, n_missing=n_missing)
    if column.type == "timestamp":  # whose doubles may not be exact
        first, last = extremes(values)
        return replace(column, min=first, max=last, n_missing=n_missing)
    numbers = (values.drop_null() if n_missing else values).to_numpy()
    # -0.0 + 0.0 is 0.0: which of the two zeros came first must not show.
    low, high = float(np.min(numbers)) + 0.0, float(np.max(numbers)) + 0.0
    return replace(column, min=low, max=high, n_missing=n_missing)
