"""Data sets in the process, over a real store: what threads do to them at once, and what is kept of them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from service.registry.datasets import Datasets, require
from service.registry.errors import DatasetInUse, NotFound
from service.registry.sums import KEPT_FOR_FITS
from service.registry.versions import Dataset
from service.solver.moments import Moments
from service.store.rows import Rows
from service.store.tables import UNFINISHED, Store, jobs, moments
from tests.registry.opened import Opened, plain
from tests.statements import heard

NAMES = ("x", "y", "z")
X = np.random.default_rng(0).random((40, 3))


def batch(values: np.ndarray, names: Sequence[str] = NAMES) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(map(pa.array, values.T)), names=list(names))


@pytest.fixture
def datasets(opened: Opened) -> Datasets:
    return opened.datasets


def together(*works: threading.Thread) -> None:
    for thread in works:
        thread.start()
    for thread in works:
        thread.join(30)
    assert not any(thread.is_alive() for thread in works)


def test_appends_at_once_all_land(opened: Opened, datasets: Datasets, folder: Path, store: Store) -> None:
    """Each is a version of its own, in which the rows of all before it are summed; none is refused or lost."""
    id_ = datasets.create([batch(X[:4])], "d", "float64").id
    ready = threading.Barrier(6)

    def append(i: int) -> None:
        ready.wait(30)
        datasets.append(id_, [batch(X[4 + 6 * i : 10 + 6 * i])])

    together(*(threading.Thread(target=append, args=(i,)) for i in range(6)))

    newest = Opened.over(store, folder).datasets.get(id_)
    assert (newest.version, newest.n_samples) == (7, 40)
    for registry in (opened, Opened.over(store, folder)):  # from its memory, and from the store
        summed = registry.sums.known(newest, plain(*NAMES))
        assert summed is not None
        assert summed.moments.digest() == Moments.of(X, NAMES).digest()
    assert datasets.rows(id_, 7).n_rows == 40


def test_changes_of_one_data_set_wait_for_each_other_and_not_for_those_of_another(
    datasets: Datasets, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that came before are in the next version too; a change that takes long holds up no other data set."""
    id_, other = (datasets.create([batch(X[:4])], "d", "float64").id for _ in range(2))
    write, is_first, done = store.write, True, []

    def append(to: str, rows: np.ndarray) -> None:
        done.append(datasets.append(to, [batch(rows)]).made)

    @contextmanager
    def late() -> Iterator[sa.Connection]:
        nonlocal is_first
        if is_first:
            is_first = False
            second.start()
            append(other, X[:1])
            assert [made.id for made in done] == [other]
        with write() as connection:
            yield connection

    second = threading.Thread(target=append, args=(id_, X[10:]))
    monkeypatch.setattr(store, "write", late)

    append(id_, X[4:10])
    second.join(30)

    assert [(made.id, made.version, made.n_samples) for made in done] == [(other, 2, 5), (id_, 2, 10), (id_, 3, 40)]
    assert np.array_equal(np.concatenate(list(datasets.rows(id_, 3).blocks(NAMES))), X)


def test_nobody_waits_while_an_append_is_summed(
    datasets: Datasets, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums are read, added and written as bytes before the transaction begins, not in it: a fit's commit would wait."""
    id_ = datasets.create([batch(X[:4])], "d", "float64").id
    fresh = Opened.over(store, folder).datasets
    write, is_writing, worked_at = store.write, False, []

    @contextmanager
    def watched() -> Iterator[sa.Connection]:
        nonlocal is_writing
        with write() as connection:
            is_writing = True
            yield connection
            is_writing = False

    monkeypatch.setattr(store, "write", watched)
    add, to_bytes, from_bytes = Moments.__add__, Moments.to_bytes, Moments.from_bytes

    def noted_add(a: Moments, b: Moments) -> Moments:
        worked_at.append(("add", is_writing))
        return add(a, b)

    def noted_to_bytes(a: Moments) -> bytes:
        worked_at.append(("to_bytes", is_writing))
        return to_bytes(a)

    def noted_from_bytes(value: bytes) -> Moments:
        worked_at.append(("from_bytes", is_writing))
        return from_bytes(value)

    monkeypatch.setattr(Moments, "__add__", noted_add)
    monkeypatch.setattr(Moments, "to_bytes", noted_to_bytes)
    monkeypatch.setattr(Moments, "from_bytes", noted_from_bytes)

    fresh.append(id_, [batch(X[4:])])

    assert {work for work, _ in worked_at} == {"add", "to_bytes", "from_bytes"}
    assert not any(writing for _, writing in worked_at)


def test_an_append_to_what_is_deleted_meanwhile_leaves_no_file(datasets: Datasets, folder: Path) -> None:
    """It is refused as if the data set had never been."""
    id_ = datasets.create([batch(X[:4])], "d", "float64").id

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch(X[4:10])
        datasets.delete(id_)
        yield batch(X[10:])

    with pytest.raises(NotFound):
        datasets.append(id_, rows())

    assert list(folder.iterdir()) == []


def kept_for_fits(store: Store, dataset: Dataset) -> int:
    with store.read() as connection:
        of_version = moments.c.dataset_id == dataset.id, moments.c.version == dataset.version, moments.c.position < 0
        found = connection.execute(sa.select(sa.func.count()).select_from(moments).where(*of_version)).scalar_one()
    return int(found)


def test_only_the_newest_sums_made_for_fits_are_kept(store: Store, folder: Path) -> None:
    """A wide data set has a choice of features for every fit: they would fill the disk. Those made at upload stay."""
    opened = Opened.over(store, folder, whole_up_to=2)
    names = [f"c{i}" for i in range(40)]
    wide = opened.datasets.create([batch(np.random.default_rng(1).random((3, 40)), names)], "d", "float64")
    choices = [("c0", f"c{i}") for i in range(32, 40)] + [("c1", f"c{i}") for i in range(32, 40)] + [("c2", "c39")]
    assert len(choices) == KEPT_FOR_FITS + 1

    for choice in choices:
        opened.sums.made(wide, plain(*choice), lambda _read, _all: None)

    assert kept_for_fits(store, wide) == KEPT_FOR_FITS
    assert opened.sums.known(wide, plain(*choices[0])) is None
    for choice in (choices[1], choices[-1], ("c0", "c31"), ("c32", "c39")):
        assert opened.sums.known(wide, plain(*choice)) is not None


def test_a_transaction_can_require_a_data_set(datasets: Datasets, store: Store) -> None:
    """What is about to be kept with it is refused once it is gone, and undone with the rest."""
    id_ = datasets.create([batch(X)], "d", "float64").id
    with store.write() as connection:
        require(connection, id_)
    datasets.delete(id_)

    with pytest.raises(NotFound, match=id_), store.write() as connection:
        require(connection, id_)


def test_rows_that_are_deleted_while_they_are_read_are_not_found(datasets: Datasets) -> None:
    """Whoever had begun is told what is so, not that a file is missing."""
    made = datasets.create([batch(X)], "d", "float64")
    rows = datasets.rows(made.id, 1)
    datasets.delete(made.id)

    with pytest.raises(NotFound, match=made.id):
        list(rows.batches())
    with pytest.raises(NotFound, match=made.id):
        datasets.rows(made.id, 1)


def test_sums_of_rows_that_are_deleted_meanwhile_are_not_found(
    opened: Opened, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass over the rows that loses the race says so too."""
    made = datasets.create([batch(X)], "d", "float64")
    find = datasets.rows

    def rows(id_: str, version: int) -> Rows:
        found = find(id_, version)
        datasets.delete(id_)
        return found

    monkeypatch.setattr(datasets, "rows", rows)

    with pytest.raises(NotFound, match=made.id):
        opened.sums.made(made, plain(*NAMES), lambda _read, _all: None)


def test_a_file_that_is_missing_of_a_data_set_that_is_here_is_said_to_be(datasets: Datasets, folder: Path) -> None:
    """A damaged folder must not look like a data set that somebody deleted."""
    made = datasets.create([batch(X)], "d", "float64")
    for file in folder.iterdir():
        file.unlink()

    with pytest.raises(FileNotFoundError):
        list(datasets.rows(made.id, 1).batches())


def test_a_page_of_data_sets_is_one_query(datasets: Datasets, store: Store) -> None:
    """Each in its newest version, however many there are."""
    ids = [datasets.create([batch(X)], f"d{i}", "float64").id for i in range(4)]
    datasets.append(ids[2], [batch(X)])
    with heard(store) as asked:
        page = datasets.page(3, None)

    assert len(asked) == 1
    assert [(item.id, item.version, item.n_samples) for item in page.items] == [
        (ids[3], 1, 40),
        (ids[2], 2, 80),
        (ids[1], 1, 40),
    ]
    assert [item.id for item in datasets.page(3, page.next).items] == ids[:1]


@pytest.mark.parametrize(("state", "is_in_use"), [("queued", True), ("running", True), ("done", False)])
def test_a_data_set_that_an_unfinished_job_reads_cannot_go(
    datasets: Datasets, store: Store, state: str, is_in_use: bool
) -> None:
    """Until the job has ended."""
    id_ = datasets.create([batch(X)], "d", "float64").id
    job = {"id": "job_1", "state": state, "task": b"{}", "rows_dataset_id": id_, "epoch": 0, "created_at": "now"}
    with store.write() as connection:
        connection.execute(sa.insert(jobs).values(job))

    with pytest.raises(DatasetInUse) if is_in_use else nullcontext():
        datasets.delete(id_)

    assert (state in UNFINISHED, (datasets.standing(id_, 1) == "here")) == (is_in_use, is_in_use)
