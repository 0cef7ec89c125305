"""Taking rows in: written to their file and summed up in the same pass."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.spread import means_and_stds
from service.solver.summation import Summation
from service.store.rows import PartWriter

# Data wider than what is summed whole is summed in panels, so that each column has its mean and deviation all the same.
PANEL = 32

ColumnType = Literal["number", "text", "boolean"]
TYPES: dict[pa.DataType, ColumnType] = {pa.float64(): "number", pa.string(): "text", pa.bool_(): "boolean"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a data set. Mean, std (by n - 1), min and max are those of numbers; std needs two rows."""

    name: str
    type: ColumnType
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    n_missing: int = 0

    def joined(self, other: "Column") -> "Column":
        """The column with the extremes of both."""
        if self.min is None or self.max is None or other.min is None or other.max is None:
            return self
        return replace(self, min=min(self.min, other.min), max=max(self.max, other.max))


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What a pass over the rows leaves: their number, their columns (means and deviations aside), and exact sums."""

    n_rows: int
    columns: tuple[Column, ...]
    panels: tuple[Moments, ...]


def absorb(batches: Iterable[pa.RecordBatch], writer: PartWriter, numbers: Numbers, whole_up_to: int) -> Absorbed:
    """Write the rows and sum them up, batch by batch.

    Args: whole_up_to: so many numeric columns are summed together; more are summed in panels, for their means alone.
    Raises: NotFinite, OutOfRange, TooManyDigits: rows counted from the first of `batches`.
    """
    summations: list[Summation] = []
    columns: tuple[Column, ...] = ()
    for number, batch in enumerate(batches):
        if number == 0:
            columns = tuple(Column(field.name, TYPES[field.type]) for field in batch.schema)
            summations = [Summation(panel, numbers) for panel in panels_of(columns, whole_up_to)]
        for summation in summations:
            summation.add(block_of(batch, summation.columns))
        columns = tuple(_with_extremes(column, batch) for column in columns)
        writer.write(batch)
    return Absorbed(writer.n_rows, columns, tuple(summation.result() for summation in summations))


def panels_of(columns: Sequence[Column], whole_up_to: int) -> list[list[str]]:
    """The numeric columns, together if they are few, else in panels."""
    numeric = [column.name for column in columns if column.type == "number"]
    width = len(numeric) if len(numeric) <= whole_up_to else PANEL
    return [numeric[i : i + width] for i in range(0, len(numeric), width)] if numeric else []


def block_of(batch: pa.RecordBatch, columns: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Columns of numbers as an array (n, q)."""
    return np.column_stack([batch.column(name).to_numpy() for name in columns])


def described(columns: Sequence[Column], panels: Sequence[Moments]) -> tuple[Column, ...]:
    """The columns with the means and deviations that the sums have."""
    spread = {name: spread for panel in panels for name, spread in zip(panel.columns, means_and_stds(panel), strict=True)}

    def described_columns() -> Iterator[Column]:
        for column in columns:
            mean, std = spread.get(column.name, (None, None))
            yield replace(column, mean=mean, std=std)

    return tuple(described_columns())


def _with_extremes(column: Column, batch: pa.RecordBatch) -> Column:
    if column.type != "number":
        return column
    values = batch.column(column.name).to_numpy()
    low, high = float(values.min()), float(values.max())
    if column.min is None or column.max is None:
        return replace(column, min=low, max=high)
    return replace(column, min=min(low, column.min), max=max(high, column.max))
