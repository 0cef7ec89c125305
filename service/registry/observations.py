"""The rows of a fit, read again: what residuals, leverages and robust errors are made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.ingest.errors import MissingValue
from service.registry.columns import numbers_of
from service.registry.counted import counted
from service.registry.datasets import Datasets
from service.registry.design import Design, Floats, Found, Recipe

BLOCK_CELLS = 1 << 17  # of the bases of the terms, at a time: 1 MB

Columns = Mapping[str, Floats]
Read = Callable[[int, int, Sequence[str]], Iterator[pa.RecordBatch]]  # rows start to stop, of some columns


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Some rows that a fit counts, in their order."""

    places: NDArray[np.int64]  # (m,) of the rows of the data set, or of the call
    X: Floats  # (m, b) the bases of the terms
    y: Floats  # (m,)
    weights: Floats | None  # (m,) above 0
    cluster: "pa.Array[Any] | None"  # (m,) which rows belong together


@dataclass(frozen=True, slots=True, eq=False)
class RowsOfFit:
    """The rows of a fit, from `start` up to but not including `stop`, as often as they are asked for."""

    design: Design
    found: Found
    start: int
    stop: int
    read: Read
    cluster: str | None = None  # the column that says which rows belong together

    @property
    def recipe(self) -> Recipe:
        return Recipe.of(self.design, self.found.levels)

    def blocks(self, start: int | None = None, stop: int | None = None) -> Iterator[Observations]:
        """Those that the fit counts, block by block; of rows `start` to `stop` of the data set, if they are given.

        Raises: MissingValue; NotFound: the rows are gone.
        """
        at = max(self.start, self.start if start is None else start)
        last = min(self.stop, self.stop if stop is None else stop)
        recipe, design = self.recipe, self.design
        columns = [*dict.fromkeys([*design.columns, *([] if self.cluster is None else [self.cluster])])]
        step = max(1, BLOCK_CELLS // max(1, len(recipe.bases)))
        for batch in self.read(at, last, columns) if at < last else ():
            for first in range(0, batch.num_rows, step):
                piece = batch.slice(first, step)
                yield self._block(piece, recipe, at + first)
            at += batch.num_rows

    def _block(self, batch: pa.RecordBatch, recipe: Recipe, first: int) -> Observations:
        design = self.design
        kept = counted(batch, design, first)
        cluster = None if self.cluster is None else kept.batch.column(self.cluster)
        if cluster is not None and cluster.null_count:
            raise MissingValue(kept.row(pc.index(cluster.is_null(), True).as_py()), str(self.cluster))
        return Observations(
            kept.places,
            recipe.block(kept.batch, self.found.imputed),
            numbers_of(kept.batch.column(design.target)),
            None if design.weights is None else numbers_of(kept.batch.column(design.weights)),
            cluster,
        )


def of_dataset(
    datasets: Datasets, id_: str, version: int, design: Design, found: Found, cluster: str | None = None
) -> RowsOfFit:
    """The rows of a version that a fit was of. Raises: NotFound, NoRowsKept."""
    rows = datasets.rows(id_, version)
    start, stop = design.rows or (0, rows.n_rows)
    return RowsOfFit(design, found, start, stop, rows.batches, cluster)


def of_columns(columns: Columns, design: Design, found: Found, cluster: str | None = None) -> RowsOfFit:
    """Rows that came with the call, NaN for a missing cell."""
    n_rows = len(columns[design.target])
    arrays = {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()}

    def read(start: int, stop: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        whole = pa.RecordBatch.from_arrays([arrays[name] for name in names], names=list(names))
        yield whole.slice(start, stop - start)

    return RowsOfFit(design, found, 0, n_rows, read, cluster)


def to_bytes(columns: Columns, names: Sequence[str]) -> bytes:
    """Columns as they are kept: one after the other, without their names."""
    return np.array([columns[name] for name in names], "<f8").tobytes()


def from_bytes(value: bytes, names: Sequence[str]) -> Columns:
    """What `to_bytes` wrote of columns of these names."""
    return dict(zip(names, np.frombuffer(value, "<f8").reshape(len(names), -1), strict=True))
