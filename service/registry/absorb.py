"""Taking rows in: written to their file and summed up in the same pass."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from service.registry.columns import Column, Floats, columns_of, numbers_of, seen
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.solver.threaded_summation import ThreadedSummation
from service.store.rows import PartWriter

Sums: TypeAlias = Summation | ThreadedSummation

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
    Raises: NotFinite, OutOfRange, TooManyDigits: rows counted from the first of `batches`; what `batches` raises.
    """
    summations: list[Sums] = []
    columns: tuple[Column, ...] = ()
    try:
        for number, batch in enumerate(batches):
            if number == 0:
                columns = columns_of(batch.schema)
                summations = sums_of(panels_of(columns, whole_up_to), numbers)
            add(summations, batch)
            columns = seen(columns, batch)
            writer.write(batch)
    except Exception:
        for summation in summations:
            summation.result()  # raises what is wrong in a row before, still being summed up
        raise
    return Absorbed(writer.n_rows, columns, tuple(summation.result() for summation in summations))


def sums_of(panels: Sequence[Sequence[str]], numbers: Numbers) -> list[Sums]:
    """Sums of no rows yet. Several threads sum up a panel that is the only one: each of many would hold rows of its own."""
    if len(panels) == 1:
        return [ThreadedSummation(lambda: Summation(panels[0], numbers))]
    return [Summation(panel, numbers) for panel in panels]


def panels_of(columns: Sequence[Column], whole_up_to: int) -> list[list[str]]:
    """The numeric columns, together if they are few, else in panels."""
    numeric = [column.name for column in columns if column.type == "number"]
    width = len(numeric) if len(numeric) <= whole_up_to else PANEL
    return [numeric[i : i + width] for i in range(0, len(numeric), width)] if numeric else []


def add(summations: Iterable[Sums], batch: pa.RecordBatch) -> None:
    """Sum up the rows of a batch. Raises: NotFinite, OutOfRange, TooManyDigits."""
    for summation in summations:
        summation.add(np.stack([numbers_of(batch.column(name), 0.0) for name in summation.columns]).T)


def block_of(batch: pa.RecordBatch, columns: Sequence[str]) -> Floats:
    """Columns of numbers as an array (n, q), with NaN where a cell is missing."""
    return np.column_stack([numbers_of(batch.column(name)) for name in columns])
