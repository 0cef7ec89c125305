"""Rows as tests think of them: tuples, with None where a cell is missing."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from service.registry.datasets import Datasets
from service.registry.panels import Panels
from service.registry.versions import Dataset
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.store.tables import Store
from tests.registry.opened import Opened

Row = tuple[float | None, float | None, str | None, bool | None]
NAMES = ("t", "x", "word", "flag")
TYPES = (pa.float64(), pa.float64(), pa.string(), pa.bool_())


def batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """The rows as they come from a body."""
    columns = [pa.array([row[i] for row in rows], type_) for i, type_ in enumerate(TYPES)]
    return pa.RecordBatch.from_arrays(columns, names=list(NAMES))


def rows_of(datasets: Datasets, dataset: Dataset) -> list[Row]:
    """All rows of a version, in order."""
    found = pa.Table.from_batches(datasets.rows(dataset.id, dataset.version).batches(columns=NAMES))
    return list(zip(*found.to_pydict().values(), strict=True))


def digests(store: Store, dataset: Dataset) -> list[str]:
    """Those of the sums that the store has of a version."""
    return [panel.digest() for panel in Panels(store, capacity=0).of(dataset)]


def digest_of(rows: Iterable[Row], numbers: Numbers) -> str:
    """That of the sums of rows, made at once; a missing number counts as 0."""
    values = [[row[0] or 0.0, row[1] or 0.0] for row in rows]
    return Moments.of(pa.array([v for row in values for v in row]).to_numpy().reshape(-1, 2), NAMES[:2], numbers).digest()


def assert_is(opened: Opened, store: Store, dataset: Dataset, rows: Sequence[Row]) -> None:
    """The version has these rows, and is bit for bit what a data set is that never had any others."""
    assert rows_of(opened.datasets, dataset) == list(rows)
    assert dataset.n_samples == len(rows)
    fresh = opened.datasets.create([batch(rows)], "", dataset.numbers)
    assert repr(dataset.columns) == repr(fresh.columns)
    assert digests(store, dataset) == digests(store, fresh) == [digest_of(rows, dataset.numbers)]
    opened.datasets.delete(fresh.id)


def files(folder: Path) -> set[str]:
    """The names of the row files."""
    return {file.stem for file in folder.iterdir()}
