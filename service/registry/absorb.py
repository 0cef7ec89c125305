"""Taking rows in: written to their file and summed up in the same pass."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from service.registry.columns import Column, Floats, columns_of, numbers_of, seen
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.store.rows import PartWriter

# Data wider than what is summed whole is summed in panels, so that each column has its mean and deviation all the same.
PANEL = 32


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What a pass over the rows leaves: their number, their columns (means and deviations aside), and exact sums."""

    n_rows: int
    columns: tuple[Column, ...]
    panels: tuple[Moments, ...]


def absorb(batches: Iterable[pa.RecordBatch], writer: PartWriter, numbers: Numbers, whole_up_to: int) -> Absorbed:
    """Write the rows and sum them up, batch by batch; a number that is missing counts as 0 in the sums.

    Args: whole_up_to: so many numeric columns are summed together; more are summed in panels, for their means alone.
    Raises: NotFinite, OutOfRange, TooManyDigits: rows counted from the first of `batches`.
    """
    summations: list[Summation] = []
    columns: tuple[Column, ...] = ()
    for number, batch in enumerate(batches):
        if number == 0:
            columns = columns_of(batch.schema)
            summations = [Summation(panel, numbers) for panel in panels_of(columns, whole_up_to)]
        add(summations, batch)
        columns = seen(columns, batch)
        writer.write(batch)
    return Absorbed(writer.n_rows, columns, tuple(summation.result() for summation in summations))


def panels_of(columns: Sequence[Column], whole_up_to: int) -> list[list[str]]:
    """The numeric columns, together if they are few, else in panels."""
    numeric = [column.name for column in columns if column.type == "number"]
    width = len(numeric) if len(numeric) <= whole_up_to else PANEL
    return [numeric[i : i + width] for i in range(0, len(numeric), width)] if numeric else []


def add(summations: Iterable[Summation], batch: pa.RecordBatch) -> None:
    """Sum up the rows of a batch. Raises: NotFinite, OutOfRange, TooManyDigits."""
    for summation in summations:
        summation.add(np.column_stack([numbers_of(batch.column(name), 0.0) for name in summation.columns]))


def block_of(batch: pa.RecordBatch, columns: Sequence[str]) -> Floats:
    """Columns of numbers as an array (n, q), with NaN where a cell is missing."""
    return np.column_stack([numbers_of(batch.column(name)) for name in columns])
