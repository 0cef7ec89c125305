"""Which rows of a batch a fit counts."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.ingest.errors import MissingValue
from service.ingest.times import TIMESTAMP, require_exact
from service.registry.columns import numbers_of
from service.registry.design import Design


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows of a batch that count."""

    batch: pa.RecordBatch
    places: NDArray[np.int64]  # of its rows, among all
    n_dropped: int = 0  # because a cell was missing

    def row(self, i: int) -> int:
        """Where row i of the batch stands among all rows."""
        return int(self.places[i])

    def select(self, rows: NDArray[np.int64]) -> "Counted":
        return Counted(self.batch.take(rows), self.places[rows])


def counted(batch: pa.RecordBatch, design: Design, first: int) -> Counted:
    """Without rows of weight 0, which are as if they were not there, nor those that `missing` drops.

    Raises: MissingValue: a cell is, and `missing` does not say what then; TimestampOutOfRange: no double has its microseconds.
    """
    kept = _counted(batch, design, first)
    for name in design.columns:
        cells = kept.batch.column(name)
        if cells.type == TIMESTAMP:
            require_exact(cells, name, kept.row)
    return kept


def _counted(batch: pa.RecordBatch, design: Design, first: int) -> Counted:
    """Raises: MissingValue."""
    kept = Counted(batch, np.arange(first, first + batch.num_rows))
    if design.weights is not None:
        counts = numbers_of(batch.column(design.weights)) != 0
        if not counts.all():
            kept = kept.select(np.flatnonzero(counts))
    lacking = [name for name in design.columns if kept.batch.column(name).null_count]
    if lacking and design.missing == "drop":
        valid = [kept.batch.column(name).is_valid().to_numpy(zero_copy_only=False) for name in lacking]
        whole = kept.select(np.flatnonzero(np.all(valid, axis=0)))
        return Counted(whole.batch, whole.places, kept.batch.num_rows - whole.batch.num_rows)
    filled = [] if design.missing == "error" else design.features
    for name in lacking:
        if name not in filled or name in design.one_hot:
            raise MissingValue(kept.row(pc.index(kept.batch.column(name).is_null(), True).as_py()), name)
    return kept
