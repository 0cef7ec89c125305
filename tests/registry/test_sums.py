"""The moments of a fit are made once for a version and its terms: the rows are not read again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from service.registry.design import Design
from service.registry.summing import Summed
from service.registry.versions import Dataset
from service.store.rows import Rows
from service.store.tables import Store
from tests.registry.opened import Opened, plain

N = 40
ROWS = pa.RecordBatch.from_pydict(
    {
        "a": [float(i * i % 11) for i in range(N)],
        "b": [None if i % 9 == 4 else float(i % 5) for i in range(N)],
        "w": [float(i % 3) for i in range(N)],
        "city": [("Ulm", "Bonn", "Trier")[i % 3] for i in range(N)],
        "y": [float(i * 7 % 13) for i in range(N)],
    }
)
BASE = plain("a", "b", "y")
DESIGNS = {
    "degree": replace(BASE, features=("a",), degree=3),
    "interactions": replace(BASE, missing="drop", interactions=True),
    "weights": replace(BASE, features=("a",), weights="w"),
    "frequencies": replace(BASE, features=("a",), weights="w", weight_type="frequency"),
    "rows left out": replace(BASE, missing="drop"),
    "means": replace(BASE, missing="mean"),
    "categories": replace(BASE, features=("a", "city"), one_hot=("city",)),
}


class Reads:
    """How often rows were read."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.n = 0
        batches = Rows.batches

        def counted(
            rows: Rows, start: int = 0, stop: int | None = None, columns: Sequence[str] | None = None
        ) -> Iterator[pa.RecordBatch]:
            self.n += 1
            return batches(rows, start, stop, columns)

        patch.setattr(Rows, "batches", counted)


@pytest.fixture
def opened(store: Store, tmp_path: Path) -> Opened:
    return Opened.over(store, tmp_path / "rows")


@pytest.fixture
def dataset(opened: Opened) -> Dataset:
    return opened.datasets.create([ROWS], "d", "float64")


def summed(opened: Opened, dataset: Dataset, design: Design) -> Summed:
    """As a fit does it."""
    return opened.sums.known(dataset, design) or opened.sums.made(dataset, design, lambda _read, _of: None)


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_a_second_fit_of_the_same_terms_reads_no_row(
    opened: Opened, dataset: Dataset, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first makes the moments; they, and what was found on the way, are there for the next, even of another process."""
    first = summed(opened, dataset, design)
    reads = Reads(monkeypatch)

    second = summed(opened, dataset, design)

    assert reads.n == 0
    assert second.moments.digest() == first.moments.digest()
    assert second.found == first.found


def test_each_design_has_moments_of_its_own(opened: Opened, dataset: Dataset) -> None:
    """Kept side by side, and none is taken for another."""
    first = {name: summed(opened, dataset, design).moments.digest() for name, design in DESIGNS.items()}

    again = {name: summed(opened, dataset, design).moments.digest() for name, design in DESIGNS.items()}

    assert again == first
    assert len(set(first.values())) == len(DESIGNS)


def test_columns_as_they_are_were_summed_at_upload(opened: Opened, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit of columns that lack nothing reads no row even the first time; nor does it matter what is asked of gaps then."""
    reads = Reads(monkeypatch)

    plain_ = summed(opened, dataset, plain("a", "w", "y"))
    dropped = summed(opened, dataset, replace(plain("a", "w", "y"), missing="drop"))

    assert reads.n == 0
    assert plain_.moments.digest() == dropped.moments.digest()


def test_a_new_version_has_moments_of_its_own(opened: Opened, dataset: Dataset) -> None:
    """Rows that were appended count; those of the version before are still there for whoever asks for it."""
    design = DESIGNS["degree"]
    before = summed(opened, dataset, design)
    opened.datasets.append(dataset.id, [ROWS.slice(0, 4)])

    after = summed(opened, opened.datasets.get(dataset.id), design)

    assert (before.moments.n_samples, after.moments.n_samples) == (N, N + 4)
    assert summed(opened, dataset, design).moments.digest() == before.moments.digest()


def test_all_rows_by_their_numbers_are_all_rows(opened: Opened, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that leaves out nothing is no range: what is kept serves it."""
    first = summed(opened, dataset, DESIGNS["degree"])
    reads = Reads(monkeypatch)

    whole = summed(opened, dataset, replace(DESIGNS["degree"], rows=(0, N)))

    assert reads.n == 0
    assert whole.moments.digest() == first.moments.digest()
