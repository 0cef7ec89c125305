"""Rows taken away from data sets: what is left is what would be there had they never come."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from service.registry.conditions import condition
from service.registry.datasets import require
from service.registry.errors import DatasetBusy, DatasetInUse, NoRowsKept, NoRowsLeft, NotFound, TypesDiffer
from service.registry.turns import Turns
from service.registry.versions import Version
from service.solver.blocks import BLOCK_ROWS
from service.store.tables import Store, jobs, moments, parts, running_sums, versions
from tests.registry.opened import Opened
from tests.registry.tables import NAMES, Row, assert_is, batch, files, rows_of

DRAW = np.random.default_rng(0)
WORDS = ("a", "b", "", None)


def drawn(n: int, draw: np.random.Generator = DRAW) -> list[Row]:
    """Rows of all types, of which some cells are missing."""

    def number() -> float | None:
        return None if draw.random() < 0.15 else float(draw.integers(-40, 40)) / 8

    return [(number(), number(), WORDS[draw.integers(4)], (True, False, None)[draw.integers(3)]) for _ in range(n)]


def counted(store: Store, table: sa.Table, id_: str) -> int:
    with store.read() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.dataset_id == id_)
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("seed", range(4))
def test_any_appends_and_removals_leave_what_never_having_had_the_rows_would(
    opened: Opened, store: Store, folder: Path, seed: int
) -> None:
    """Rows, columns and sums are those of the rows that are left, in their order, and so is the disk."""
    draw = np.random.default_rng(seed)
    here = opened.datasets
    expected = [(1, row) for row in drawn(20, draw)]
    made = here.create([batch([row for _, row in expected])], "d", ("float64", "decimal")[seed % 2])
    for _ in range(15):
        kind = draw.integers(4)
        if kind == 0:
            version = int(draw.integers(1, made.version + 1))
            left = [(came, row) for came, row in expected if came != version]
            if left:
                change = here.remove_version(made.id, version)
        elif kind == 1:
            bound = float(draw.integers(-40, 40)) / 8
            is_low = draw.random() < 0.5
            left = [
                (came, row) for came, row in expected
                if row[0] is None or (row[0] >= bound if is_low else row[0] != bound)
            ]  # fmt: skip
            if left:
                asked = condition(made.columns[0], "lt" if is_low else "eq", str(bound), made.numbers)
                change = here.remove_where(made.id, asked)
        else:
            rows = drawn(int(draw.integers(1, 12)), draw)
            left = expected + [(made.version + 1, row) for row in rows]
            change = here.append(made.id, [batch(rows[:3]), batch(rows[3:])] if len(rows) > 3 else [batch(rows)])
        if left:
            assert change.n_removed == max(0, len(expected) - len(left))
            expected, made = left, change.made
        assert_is(opened, store, made, [row for _, row in expected])
    with store.read() as connection:
        assert files(folder) == set(connection.execute(sa.select(parts.c.file)).scalars())
    assert_is(Opened.over(store, folder), store, here.get(made.id), [row for _, row in expected])


CONDITIONS = [
    ("t", "eq", "1.0", lambda v: v == 1.0), ("t", "ne", "1", lambda v: v != 1.0), ("t", "lt", "1", lambda v: v < 1.0),
    ("t", "le", "1e0", lambda v: v <= 1.0), ("t", "gt", "-0.5", lambda v: v > -0.5), ("t", ">=", "0.5", lambda v: v >= 0.5),
    ("t", "<", "99", lambda v: v < 99), ("t", "gt", "99", lambda v: v > 99), ("t", "==", "0.3", lambda v: v == 0.3),
    ("word", "eq", "a", lambda v: v == "a"), ("word", "ne", "a", lambda v: v != "a"), ("word", "lt", "b", lambda v: v < "b"),
    ("word", "eq", "", lambda v: v == ""), ("word", "ge", "b", lambda v: v >= "b"),
    ("flag", "eq", "true", lambda v: v), ("flag", "!=", "True", lambda v: not v), ("flag", "eq", "false", lambda v: not v),
]  # fmt: skip


@pytest.mark.parametrize(("column", "op", "value", "holds"), CONDITIONS, ids=[f"{c}-{o}-{v}" for c, o, v, _ in CONDITIONS])
def test_a_condition_takes_the_rows_whose_cell_is_there_and_compares_so(
    opened: Opened, store: Store, column: str, op: str, value: str, holds: Callable[[Any], bool]
) -> None:
    """In columns of every type; a missing cell meets no condition, not even that it is something else."""
    rows = drawn(60, np.random.default_rng(5))
    made = opened.datasets.create([batch(rows[:30])], "d", "float64")
    opened.datasets.append(made.id, [batch(rows[30:])])
    place = NAMES.index(column)

    change = opened.datasets.remove_where(made.id, condition(made.column(column), op, value, "float64"))

    left = [row for row in rows if row[place] is None or not holds(row[place])]
    assert change.n_removed == len(rows) - len(left)
    assert_is(opened, store, change.made, left)


@pytest.mark.parametrize("column", NAMES)
def test_rows_whose_cell_is_missing_can_be_taken_away(opened: Opened, store: Store, column: str) -> None:
    """By the op that takes no value."""
    rows = drawn(60, np.random.default_rng(6))
    made = opened.datasets.create([batch(rows)], "d", "decimal")

    change = opened.datasets.remove_where(made.id, condition(made.column(column), "missing", None, "decimal"))

    assert_is(opened, store, change.made, [row for row in rows if row[NAMES.index(column)] is not None])


def test_older_versions_are_gone_with_all_that_was_made_of_them(opened: Opened, store: Store, folder: Path) -> None:
    """Rows, sums made at upload and for fits, and the running sums of files that are no more."""
    rows = drawn(30)
    here = opened.datasets
    made = here.create([batch(rows[:10])], "d", "float64")
    second = here.append(made.id, [batch(rows[10:])]).made
    file = next(iter(files(folder)))
    with store.write() as connection:
        connection.execute(sa.insert(running_sums).values(file=file, columns_key="k", value=b""))
        row = {"dataset_id": made.id, "version": 1, "position": -1, "columns_key": "k", "value": b""}
        connection.execute(sa.insert(moments).values(row))

    change = here.remove_where(made.id, condition(made.columns[3], "eq", "true", "float64"))

    assert [here.standing(made.id, version) for version in (1, 2, 3, 4)] == ["stale", "stale", "here", "stale"]
    for version in (made, second):
        with pytest.raises(NotFound, match=f"version {version.version}"):
            here.get(made.id, version.version)
        with pytest.raises(NotFound, match=f"version {version.version}"):
            here.rows(made.id, version.version)
        assert opened.sums._panels.of(version) == ()  # nor in memory
    assert (counted(store, versions, made.id), counted(store, moments, made.id)) == (1, 1)
    with store.read() as connection:
        assert connection.execute(sa.select(running_sums)).all() == []
        assert files(folder) == set(connection.execute(sa.select(parts.c.file)).scalars())
    assert change.made.version == 3
    here.delete(made.id)
    assert here.standing(made.id, 3) == "gone"


def test_what_matches_nothing_changes_nothing(opened: Opened) -> None:
    """No version, no file; so the same request twice is the same as once."""
    here = opened.datasets
    made = here.create([batch(drawn(10))], "d", "float64")
    here.append(made.id, [batch(drawn(3))])

    first = here.remove_version(made.id, 2)
    again = here.remove_version(made.id, 2)

    assert (first.made.version, first.n_removed, again.made, again.n_removed) == (3, 3, first.made, 0)
    with pytest.raises(NotFound, match="version 4"):
        here.remove_version(made.id, 4)


def test_the_last_rows_are_not_taken_away(opened: Opened, folder: Path) -> None:
    """A data set without rows is none: it is to be deleted instead, and is as it was."""
    here = opened.datasets
    made = here.create([batch(drawn(10))], "d", "float64")
    before = files(folder)

    with pytest.raises(NoRowsLeft):
        here.remove_version(made.id, 1)

    assert (here.get(made.id), files(folder)) == (made, before)


def test_rows_that_a_job_reads_stay_until_it_ends(opened: Opened, store: Store, folder: Path) -> None:
    """As the data set itself does."""
    here = opened.datasets
    made = here.create([batch(drawn(10))], "d", "float64")
    here.append(made.id, [batch(drawn(3))])
    before = files(folder)
    job = {"id": "job_1", "state": "running", "task": b"{}", "rows_dataset_id": made.id, "epoch": 0, "created_at": "now"}
    with store.write() as connection:
        connection.execute(sa.insert(jobs).values(job))

    with pytest.raises(DatasetInUse):
        here.remove_version(made.id, 2)

    assert (here.get(made.id).version, files(folder)) == (2, before)


def test_a_job_that_comes_while_rows_are_taken_away_keeps_them(
    opened: Opened, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for in the very transaction: what was written of the rest is removed again."""
    here = opened.datasets
    made = here.create([batch([(float(i), 0.0, "a", True) for i in range(10)])], "d", "float64")
    before, insert = files(folder), Version.of.__func__  # type: ignore[attr-defined]
    job = {"id": "job_1", "state": "queued", "task": b"{}", "rows_dataset_id": made.id, "epoch": 0, "created_at": "now"}

    def late(cls: type[Version], *args: object) -> Version:
        with store.write() as connection:
            connection.execute(sa.insert(jobs).values(job))
        version: Version = insert(cls, *args)
        return version

    monkeypatch.setattr(Version, "of", classmethod(late))

    with pytest.raises(DatasetInUse):
        here.remove_where(made.id, condition(made.columns[0], "eq", "3", "float64"))

    assert (here.get(made.id), files(folder)) == (made, before)


def test_who_reads_rows_that_are_taken_away_meanwhile_is_told_that_the_version_is_gone(opened: Opened) -> None:
    """Not that a file is missing."""
    here = opened.datasets
    made = here.create([batch(drawn(10))], "d", "float64")
    rows = here.append(made.id, [batch(drawn(3))]).made
    reading = here.rows(made.id, rows.version)
    here.remove_version(made.id, 1)

    with pytest.raises(NotFound, match=f"version 2 of data set '{made.id}'"):
        list(reading.batches())


def test_a_transaction_can_require_a_version(opened: Opened, store: Store) -> None:
    """A job for a version that was forgotten just now is not made."""
    here = opened.datasets
    made = here.create([batch(drawn(10))], "d", "float64")
    here.append(made.id, [batch(drawn(3))])
    with store.write() as connection:
        require(connection, made.id, 1)
    here.remove_version(made.id, 2)

    with pytest.raises(NotFound, match="version 1"), store.write() as connection:
        require(connection, made.id, 1)


def test_a_data_set_of_moments_alone_has_no_rows_to_give_or_take(opened: Opened, store: Store, folder: Path) -> None:
    """It says so to whoever needs them, and nothing is written."""
    here = opened.datasets
    made = here.create([batch(drawn(10))], "d", "float64")
    with store.write() as connection:
        connection.execute(sa.delete(parts).where(parts.c.dataset_id == made.id))
    here = Opened.over(store, folder).datasets
    before = files(folder)

    for needs_rows in (
        lambda: here.rows(made.id, 1),
        lambda: here.append(made.id, [batch(drawn(1))]),
        lambda: here.remove_version(made.id, 1),
        lambda: here.remove_where(made.id, condition(made.columns[0], "eq", "1", "float64")),
    ):
        with pytest.raises(NoRowsKept):
            needs_rows()

    assert files(folder) == before


def test_large_parts_are_parted_in_pieces(opened: Opened, store: Store) -> None:
    """Rows of more than one batch on disk, and of more than one file."""
    rows: list[Row] = [(float(i % 1000), float(i), "a", True) for i in range(3 * BLOCK_ROWS)]
    here = opened.datasets
    made = here.create([batch(rows)], "d", "float64")
    here.append(made.id, [batch(rows[:5000])])

    change = here.remove_where(made.id, condition(made.columns[0], "ge", "500", "float64"))

    assert_is(opened, store, change.made, [row for row in rows + rows[:5000] if row[0] is not None and row[0] < 500])


def test_appends_and_removals_at_once_all_land(opened: Opened, store: Store) -> None:
    """Each is done wholly, one after the other: at the end just those rows are left that none took away."""
    here = opened.datasets
    made = here.create([batch([(-1.0, 0.0, "first", True)])], "d", "float64")
    ready = threading.Barrier(6)

    def append(i: int) -> None:
        ready.wait(30)
        for j in range(5):
            here.append(made.id, [batch([(float(i), float(j), f"{i}", True), (float(i), float(-j), f"{i}", None)])])

    def remove(i: int) -> None:
        ready.wait(30)
        for _ in range(8):
            here.remove_where(made.id, condition(made.columns[1], ("gt", "lt")[i], "0", "float64"))

    threads = [threading.Thread(target=append, args=(i,)) for i in range(4)]
    threads += [threading.Thread(target=remove, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    for op in ("gt", "lt"):
        here.remove_where(made.id, condition(made.columns[1], op, "0", "float64"))

    left = here.get(made.id)
    rows = rows_of(here, left)
    assert sorted(row[2] or "" for row in rows) == sorted([*"00112233", "first"])
    assert_is(opened, store, left, rows)


@pytest.fixture(autouse=True)
def parts_have_the_rows(store: Store) -> Iterator[None]:
    """After each test, the parts of every data set have as many rows as its newest version says."""
    yield
    with store.read() as connection:
        newest = sa.select(versions.c.dataset_id, versions.c.n_samples, sa.func.max(versions.c.version))
        for row in connection.execute(newest.group_by(versions.c.dataset_id)).all():
            total = sa.select(sa.func.sum(parts.c.n_rows)).where(parts.c.dataset_id == row.dataset_id)
            assert connection.execute(total).scalar() in (row.n_samples, None)


def test_cells_that_are_all_missing_are_of_any_type(opened: Opened, store: Store) -> None:
    """A row without a word is a row all the same; that nothing else said the type is no fault of it."""
    rows = drawn(5)
    made = opened.datasets.create([batch(rows)], "d", "float64")
    bare = pa.RecordBatch.from_arrays([pa.nulls(2, pa.float64()) for _ in NAMES], names=list(NAMES))

    change = opened.datasets.append(made.id, [bare])

    assert_is(opened, store, change.made, [*rows, *[(None, None, None, None)] * 2])
    with pytest.raises(TypesDiffer):
        opened.datasets.append(made.id, [bare, bare.set_column(2, "word", pa.array([None, 1.0]))])


def test_a_data_set_that_is_deleted_takes_its_running_sums_along(opened: Opened, store: Store) -> None:
    """They are as private as the rows."""
    made = opened.datasets.create([batch(drawn(20))], "d", "float64")
    with store.write() as connection:
        file = connection.execute(sa.select(parts.c.file)).scalar_one()
        connection.execute(sa.insert(running_sums).values(file=file, columns_key="k", value=b""))

    opened.datasets.delete(made.id)

    with store.read() as connection:
        assert connection.execute(sa.select(running_sums)).all() == []


def test_a_data_set_deleted_while_rows_are_taken_away_goes_after_that(opened: Opened) -> None:
    """The removal finds its files."""
    here = opened.datasets
    made = here.create([batch(drawn(20))], "d", "float64")
    for _ in range(20):
        here.append(made.id, [batch(drawn(20))])
    failures: list[Exception] = []

    def remove() -> None:
        try:
            here.remove_version(made.id, 3)
        except NotFound:
            pass
        except Exception as error:  # noqa: BLE001 (what the test is about)
            failures.append(error)

    removing = threading.Thread(target=remove)
    removing.start()
    here.delete(made.id)
    removing.join(30)

    assert failures == []
    with pytest.raises(NotFound):
        here.get(made.id)


def test_only_so_many_wait_for_their_turn() -> None:
    """Each holds a thread that other requests need: one more is asked to come again, and may when some are done."""
    turns = Turns()

    with turns.of("ds"), pytest.raises(DatasetBusy), turns.of("ds", most_waiting=0):
        pytest.fail("it had the turn")
    with turns.of("ds", most_waiting=0), turns.of("another", most_waiting=0):
        pass
