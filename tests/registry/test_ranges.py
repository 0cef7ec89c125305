"""The moments of a range of rows are those of these rows, to the bit, and few rows are read for them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from numpy.typing import NDArray

from service.registry.ranges import Ranges
from service.solver import running_sums as solver
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.store.rows import Part, PartWriter, Rows
from service.store.tables import Store, datasets, parts, running_sums

BLOCK = 8  # in place of 4,096 rows
COLUMNS = ["x", "y"]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows have many steps."""
    monkeypatch.setattr(solver, "BLOCK_ROWS", BLOCK)


def ignore(_n_read: int, _n_all: int) -> None:
    """No progress is looked at."""


@dataclass
class Version:
    """Parts, as (rows that left, rows), and their rows; what is read is written down."""

    sizes: list[tuple[int, int]]
    numbers: Numbers = "float64"
    read: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(len(self.sizes))
        n_rows = sum(n for _, n in self.sizes)
        self.rows = np.column_stack([rng.integers(-99, 99, n_rows) / 10, rng.integers(-(10**12), 10**12, n_rows) / 1000])

    @property
    def parts(self) -> list[Part]:
        return [Part(Path(f"rows/f{i}.arrow"), n, first) for i, (first, n) in enumerate(self.sizes)]

    def sum_rows(self, start: int, stop: int) -> Moments:
        self.read.append((start, stop))
        return Moments.of(self.rows[start:stop], COLUMNS, self.numbers)

    def asked(self, ranges: Ranges, start: int, stop: int, key: str = "xy") -> Moments:
        return ranges.moments(self.parts, key, len(COLUMNS), (start, stop), self.sum_rows, ignore)

    def digest(self, start: int, stop: int) -> str:
        return Moments.of(self.rows[start:stop], COLUMNS, self.numbers).digest()

    @property
    def n_read(self) -> int:
        return sum(b - a for a, b in self.read)

    def keep(self, store: Store) -> None:
        """Make the parts those of a data set in the store."""
        with store.write() as connection:
            made = {"id": "ds_1", "name": "d", "numbers": self.numbers, "created_at": "now"}
            connection.execute(sa.insert(datasets).values(made))
            for i, part in enumerate(self.parts):
                row = {"dataset_id": "ds_1", "added_in": i, "file": part.path.stem, "n_rows": part.n_rows}
                connection.execute(sa.insert(parts).values(row | {"first_row": part.first_row}))


VERSIONS = {
    "one file": [(0, 100)],
    "a multiple of the step": [(0, 96)],
    "several files": [(0, 50), (0, 80), (0, 41)],
    "tiny files": [(0, 1), (0, 3), (0, 0), (0, 31), (0, 1), (0, 64), (0, 2)],
    "rows that left": [(13, 60), (0, 40), (5, 2)],
    "nearly all left": [(1000, 30), (64, 32)],
}


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("sizes", VERSIONS.values(), ids=VERSIONS)
def test_any_range_is_the_moments_of_its_rows(store: Store, sizes: list[tuple[int, int]], numbers: Numbers) -> None:
    """However it lies over the files and their steps, in either reading."""
    version = Version(sizes, numbers)
    ranges = Ranges(store)
    n_rows = len(version.rows)
    edges = np.random.default_rng(1).integers(0, n_rows + 1, (60, 2))

    for a, b in [(0, n_rows), (0, 1), (n_rows - 1, n_rows), *np.sort(edges).tolist()]:
        if a < b:
            assert version.asked(ranges, a, b).digest() == version.digest(a, b)


def test_a_file_is_read_once(store: Store) -> None:
    """From then on no more than half a step at each end, which is added or taken away."""
    version, ranges = Version([(0, 1000), (0, 1000)]), Ranges(store)

    version.asked(ranges, 3, 1990)
    assert version.n_read == 2000 + 3 + 2

    version.read.clear()
    version.asked(ranges, 8, 1000 + 80)
    assert version.read == []
    for start in range(0, 900, 101):
        version.asked(ranges, start, start + 1099)
        assert version.n_read <= BLOCK
        version.read.clear()


def test_a_short_range_is_read_alone(store: Store) -> None:
    """Ten rows of a million are no reason to read the million; nor is one of four steps. Nothing is kept then."""
    version, ranges = Version([(0, 1000)]), Ranges(store)

    version.asked(ranges, 500, 510)
    version.asked(ranges, 400, 400 + 4 * BLOCK)

    assert version.read == [(500, 510), (400, 432)]


def test_small_files_are_read_together(store: Store) -> None:
    """A stretch of rows over many files is one to read."""
    version, ranges = Version([(0, 3)] * 50), Ranges(store)

    version.asked(ranges, 4, 140)

    assert version.read == [(4, 140)]


def test_rows_that_leave_later_make_no_new_pass(store: Store) -> None:
    """The sums of a file serve each version that has its last rows."""
    version, ranges = Version([(0, 100)]), Ranges(store)
    version.asked(ranges, 0, 100)
    later = Version([(21, 79)])
    later.rows = version.rows[21:]

    assert later.asked(ranges, 0, 79).digest() == version.digest(21, 100)
    assert later.read == [(0, 3)]


def test_an_older_version_makes_its_own_pass(store: Store) -> None:
    """Sums that begin further down are made anew from where the older begins, and serve both."""
    older = Version([(0, 100)])
    older.keep(store)
    newer = Version([(21, 79)])
    newer.rows = older.rows[21:]
    ranges = Ranges(store)
    newer.asked(ranges, 0, 79)

    assert older.asked(ranges, 0, 99).digest() == older.digest(0, 99)
    newer.read.clear()
    assert newer.asked(Ranges(store), 3, 79).digest() == older.digest(24, 100)
    assert newer.read == []


def test_running_sums_outlive_the_process(store: Store) -> None:
    """A restart reads them from the store."""
    version = Version([(0, 1000)])
    version.keep(store)
    version.asked(Ranges(store), 0, 1000)
    version.read.clear()

    assert version.asked(Ranges(store), 16, 960).digest() == version.digest(16, 960)
    assert version.read == []


def test_sums_that_have_no_room_in_memory_are_read_from_the_store(store: Store) -> None:
    """To read them is slower, and as right."""
    version, ranges = Version([(0, 1000)]), Ranges(store, capacity=10)
    version.keep(store)
    version.asked(ranges, 0, 1000)
    version.read.clear()

    assert version.asked(ranges, 16, 960).digest() == version.digest(16, 960)
    assert version.read == []


def test_nothing_stays_of_a_file_that_went_meanwhile(store: Store) -> None:
    """Who deletes a data set while its sums are being made finds nothing of it after; the range is answered."""
    version = Version([(0, 100)])

    assert version.asked(Ranges(store), 0, 100).digest() == version.digest(0, 100)

    with store.read() as connection:
        assert connection.execute(sa.select(running_sums.c.file)).all() == []


def test_a_file_can_be_forgotten(store: Store) -> None:
    """Its sums are let go of; those of others stay."""
    version, ranges = Version([(0, 80), (0, 80)]), Ranges(store)
    version.asked(ranges, 0, 160)
    version.read.clear()

    ranges.forget("f1")
    version.asked(ranges, 0, 160)

    assert version.read == [(start, start + BLOCK) for start in range(80, 160, BLOCK)]


def test_other_sums_are_other_keys(store: Store) -> None:
    """What is summed has running sums of its own."""
    version, ranges = Version([(0, 100)]), Ranges(store)
    version.asked(ranges, 0, 100)

    def sum_x(start: int, stop: int) -> Moments:
        return Moments.of(version.rows[start:stop, :1], ["x"])

    found = ranges.moments(version.parts, "x", 1, (5, 90), sum_x, ignore)

    assert found.digest() == sum_x(5, 90).digest()


@pytest.mark.parametrize("rows", [(5, 5), (0, 0), (7, 3), (-1, 5), (0, 101), (100, 101)])
def test_a_range_without_rows_or_beyond_them_is_refused(store: Store, rows: tuple[int, int]) -> None:
    """Nothing is read for it."""
    version = Version([(0, 60), (0, 40)])

    with pytest.raises(ValueError, match="of 100"):
        version.asked(Ranges(store), *rows)
    assert version.read == []


def test_requests_at_once_read_a_file_once(store: Store) -> None:
    """One makes the sums; the others wait, are told so, and read their ends alone."""
    version, ranges = Version([(0, 400)]), Ranges(store)
    makes, waits = threading.Event(), threading.Event()

    def slow(start: int, stop: int) -> Moments:
        makes.set()
        assert waits.wait(10)
        return version.sum_rows(start, stop)

    def waiting(_n_read: int, _n_all: int) -> None:
        waits.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ranges.moments, version.parts, "xy", 2, (1, 399), slow, ignore)
        assert makes.wait(10)
        second = pool.submit(ranges.moments, version.parts, "xy", 2, (5, 300), version.sum_rows, waiting)

        assert first.result(10).digest() == version.digest(1, 399)
        assert second.result(10).digest() == version.digest(5, 300)
    assert version.n_read == 400 + (1 + 1) + (3 + 4)


class Stopped(Exception):
    """The request was cancelled."""


def test_a_pass_can_be_stopped_and_the_next_request_makes_it(store: Store) -> None:
    """What `progress` raises ends the request, and holds up no other."""
    version, ranges = Version([(0, 400)]), Ranges(store)
    told: list[tuple[int, int]] = []

    def stop(n_read: int, n_all: int) -> None:
        told.append((n_read, n_all))
        if n_read >= 80:
            raise Stopped

    with pytest.raises(Stopped):
        ranges.moments(version.parts, "xy", 2, (1, 400), version.sum_rows, stop)
    assert told == [(8 * i, 401) for i in range(1, 11)]

    assert version.asked(ranges, 1, 400).digest() == version.digest(1, 400)


def test_who_waits_can_be_stopped(store: Store) -> None:
    """A request that waits for another's pass need not wait for its end."""
    version, ranges = Version([(0, 400)]), Ranges(store)
    makes, is_over = threading.Event(), threading.Event()

    def slow(start: int, stop: int) -> Moments:
        makes.set()
        assert is_over.wait(10)
        return version.sum_rows(start, stop)

    def stop(_n_read: int, _n_all: int) -> None:
        raise Stopped

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ranges.moments, version.parts, "xy", 2, (0, 400), slow, ignore)
        assert makes.wait(10)
        with pytest.raises(Stopped):
            ranges.moments(version.parts, "xy", 2, (0, 400), version.sum_rows, stop)
        is_over.set()
        assert first.result(10).digest() == version.digest(0, 400)


def test_progress_reaches_all_that_is_read(store: Store) -> None:
    """The rows of passes and of ends, counted once each."""
    version, ranges = Version([(0, 400), (0, 3), (0, 100)]), Ranges(store)
    told: list[tuple[int, int]] = []

    ranges.moments(version.parts, "xy", 2, (5, 500), version.sum_rows, lambda *at: told.append(at))

    assert told[-1] == (version.n_read, version.n_read)
    assert [n for n, _ in told] == sorted(n for n, _ in told)


def written(folder: Path, rows: NDArray[np.float64], name: str) -> Part:
    with PartWriter(folder, name) as writer:
        writer.write(pa.RecordBatch.from_arrays([pa.array(column) for column in rows.T], names=COLUMNS))
        return Part(writer.commit(), len(rows))


def test_over_row_files_of_whole_blocks(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is used: blocks of 4,096 rows, read from Arrow files."""
    monkeypatch.undo()
    rows = np.random.default_rng(0).normal(size=(60_000, 2))
    version = [written(tmp_path, rows[:30_000], "a"), written(tmp_path, rows[30_000:30_010], "b")]
    version.append(written(tmp_path, rows[30_010:], "c"))
    read = Rows(version)
    ranges = Ranges(store)

    def sum_rows(start: int, stop: int) -> Moments:
        summation = Summation(COLUMNS)
        for batch in read.batches(start, stop, COLUMNS):
            summation.add(np.column_stack([column.to_numpy() for column in batch.columns]))
        return summation.result()

    for a, b in edges(len(rows)):
        found = ranges.moments(version, "xy", 2, (a, b), sum_rows, ignore)
        assert found.digest() == Moments.of(rows[a:b], COLUMNS).digest()


def edges(n_rows: int) -> Iterator[tuple[int, int]]:
    yield from [(0, n_rows), (1, n_rows - 1), (4096, 3 * 4096), (29_990, 30_020)]
