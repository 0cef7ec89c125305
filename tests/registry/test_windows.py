"""Windows: after each append just those rows stay that it holds, as if the others had never come."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from service.ingest.errors import MissingValue
from service.registry.conditions import condition
from service.registry.errors import DatasetInUse, NotNumeric
from service.registry.versions import Dataset
from service.registry.windows import LastRows, LastSpan, Window
from service.solver.errors import UnknownColumn
from service.solver.reading import Numbers
from service.store.tables import Store, jobs, parts
from tests.registry.opened import Opened
from tests.registry.tables import Row, assert_is, batch, files


def held(rows: Sequence[Row], window: Window, numbers: Numbers) -> list[Row]:
    """What the window holds of rows, in exact arithmetic."""
    if isinstance(window, LastRows):
        return list(rows[-window.rows :])

    def exact(value: float | None) -> Fraction:
        return Fraction(repr(value)) if numbers == "decimal" else Fraction(value or 0.0)

    bound = max(exact(row[0]) for row in rows) - exact(window.span)
    return [row for row in rows if exact(row[0]) > bound]


def stored(store: Store, id_: str) -> list[tuple[int, int, int]]:
    with store.read() as connection:
        query = sa.select(parts.c.added_in, parts.c.first_row, parts.c.n_rows).where(parts.c.dataset_id == id_)
        return [tuple(row) for row in connection.execute(query.order_by(parts.c.added_in))]


def at(*times: float) -> list[Row]:
    """Rows of these times."""
    return [(time, time / 4, f"w{time}", None) for time in times]


@pytest.mark.parametrize("cuts", [[], [1], [3], [7], [1, 2, 3, 4, 5, 6], [2, 4]], ids=str)
@pytest.mark.parametrize(
    "window", [LastRows(1), LastRows(3), LastRows(100), LastSpan("t", 0.5), LastSpan("t", 3.0)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("times", [(1, 2, 3, 4, 5, 6, 7, 8), (5, 1, 6, 2, 8, 7, 3, 4), (1, 1, 1, 1, 4, 4, 4, 4)], ids=str)
def test_a_window_holds_the_same_rows_however_they_came(
    opened: Opened, store: Store, folder: Path, window: Window, cuts: list[int], times: tuple[int, ...]
) -> None:
    """At the first upload and at each append; rows that come late leave at once. No file is there for nothing."""
    rows = at(*map(float, times))
    edges = [0, *cuts, len(rows)]
    made: Dataset | None = None
    for start, stop in pairwise(edges):
        n_before = 0 if made is None else made.n_samples
        if made is None:
            made = opened.datasets.create([batch(rows[start:stop])], "d", "float64", window=window)
        else:
            change = opened.datasets.append(made.id, [batch(rows[start:stop])])
            made = change.made
            assert (change.n_appended, n_before + change.n_appended - change.n_removed) == (stop - start, made.n_samples)
        assert made.window == window
        assert_is(opened, store, made, held(rows[:stop], window, "float64"))
    with store.read() as connection:
        assert files(folder) == set(connection.execute(sa.select(parts.c.file)).scalars())


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_the_edge_of_a_span_is_exact(opened: Opened, store: Store, numbers: Numbers) -> None:
    """0.3 - 0.2 is 0.1 of decimals, and not of doubles: the row at the edge itself leaves."""
    rows: list[Row] = [(float(f"{i / 10:.1f}"), 0.0, "w", True) for i in range(1, 10)]
    for stop in range(1, 10):
        made = opened.datasets.create([batch(rows[:stop])], "d", numbers, window=LastSpan("t", 0.2))

        left = held(rows[:stop], LastSpan("t", 0.2), numbers)
        assert numbers == "float64" or len(left) == min(stop, 2)
        assert_is(opened, store, made, left)


def test_rows_at_the_front_are_passed_over_until_most_of_a_file_is_dead(opened: Opened, store: Store, folder: Path) -> None:
    """So that an append costs what moves, and the disk at most twice what is left."""
    here = opened.datasets
    made = here.create([batch(at(*range(1, 11)))], "d", "float64", window=LastRows(10))
    first = files(folder)
    for time in (11, 12, 13, 14, 15):
        here.append(made.id, [batch(at(time))])
    assert stored(store, made.id)[0] == (1, 5, 5)
    assert first < files(folder)

    here.append(made.id, [batch(at(16))])

    assert stored(store, made.id)[0] == (1, 0, 4)
    assert not first & files(folder)
    change = here.append(made.id, [batch(at(*range(17, 21)))])
    assert stored(store, made.id)[0] == (2, 0, 1)
    assert_is(opened, store, change.made, at(*range(11, 21)))


def test_what_is_taken_away_of_a_file_whose_front_has_left_leaves_the_disk(opened: Opened, store: Store) -> None:
    """A removal that is asked for wipes the file that it touches, the front that a window had left there too."""
    here = opened.datasets
    made = here.create([batch(at(*range(1, 11)))], "d", "float64", window=LastRows(10))
    here.append(made.id, [batch(at(11, 12))])
    assert stored(store, made.id) == [(1, 2, 8), (2, 0, 2)]

    change = here.remove_where(made.id, condition(made.columns[0], "eq", "3", "float64"))

    assert stored(store, made.id) == [(1, 0, 7), (2, 0, 2)]
    assert_is(opened, store, change.made, at(*range(4, 13)))
    assert_is(opened, store, here.append(made.id, [batch(at(13, 14))]).made, at(*range(5, 15)))


def test_older_versions_stay_until_rows_leave(opened: Opened) -> None:
    """A window that is not yet full takes nothing away."""
    here = opened.datasets
    made = here.create([batch(at(1, 2))], "d", "float64", window=LastRows(4))
    here.append(made.id, [batch(at(3, 4))])
    assert [here.standing(made.id, version) for version in (1, 2)] == ["here", "here"]

    here.append(made.id, [batch(at(5))])

    assert [here.standing(made.id, version) for version in (1, 2, 3)] == ["stale", "stale", "here"]


def test_an_append_that_would_make_rows_leave_waits_for_the_job_that_reads_them(
    opened: Opened, store: Store, folder: Path
) -> None:
    """It is refused; one that makes none leave is not."""
    here = opened.datasets
    made = here.create([batch(at(1, 2))], "d", "float64", window=LastRows(3))
    job = {"id": "job_1", "state": "running", "task": b"{}", "rows_dataset_id": made.id, "epoch": 0, "created_at": "now"}
    with store.write() as connection:
        connection.execute(sa.insert(jobs).values(job))
    full = here.append(made.id, [batch(at(3))]).made
    before = files(folder)

    with pytest.raises(DatasetInUse):
        here.append(made.id, [batch(at(4))])

    assert (here.get(made.id), files(folder)) == (full, before)


def test_what_a_span_goes_by_must_be_there(opened: Opened, folder: Path) -> None:
    """A column of numbers in which no cell is missing, at the first upload and at each append; nothing of it is kept."""
    here = opened.datasets
    rows, gap = at(1, 2), [*at(3, 4), (None, 0.0, "w", None)]
    for column, refusal in (("u", UnknownColumn), ("word", NotNumeric)):
        with pytest.raises(refusal):
            here.create([batch(rows)], "d", "float64", window=LastSpan(column, 1.0))
    with pytest.raises(MissingValue, match="row 4 has no value in column 't'"):
        here.create([batch(rows), batch(gap)], "d", "float64", window=LastSpan("t", 1.0))
    assert files(folder) == set()
    made = here.create([batch(rows)], "d", "float64", window=LastSpan("t", 10.0))
    with pytest.raises(MissingValue, match="row 2 has no value in column 't'"):
        here.append(made.id, [batch(gap)])
    assert here.get(made.id) == made
    assert len(files(folder)) == 1


def test_extremes_are_looked_for_again_only_if_one_left(opened: Opened, store: Store, folder: Path) -> None:
    """Whichever column it was of, and where cells are missing."""
    draw = np.random.default_rng(1)
    rows: list[Row] = [(float(i), None if draw.random() < 0.3 else float(draw.integers(-5, 5)), "w", None) for i in range(60)]
    made = opened.datasets.create([batch(rows[:30])], "d", "float64", window=LastRows(30))

    for i in range(30, 60):
        registry = opened if i % 3 else Opened.over(store, folder)  # the parts come from its memory, or from the store
        change = registry.datasets.append(made.id, [batch(rows[i : i + 1])])
        assert_is(opened, store, change.made, rows[i - 29 : i + 1])
