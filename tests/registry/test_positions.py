"""A range of a sorted column's values is a range of rows, found by reading few of them."""

from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.registry.errors import NotSorted
from service.registry.positions import Positions
from service.solver.blocks import BLOCK_ROWS
from service.store.rows import Part, PartWriter, Rows

Values = list[float | None]
Write = Callable[..., Rows]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file for each list of values, and takes the first rows of the first away again."""
    n_files = 0

    def written(*files: Values, first_row: int = 0) -> Rows:
        nonlocal n_files
        parts: list[Part] = []
        for values in files:
            n_files += 1
            with PartWriter(tmp_path, f"f{n_files}") as writer:
                writer.write(pa.RecordBatch.from_arrays([pa.array(values, pa.float64())], names=["t"]))
                left = first_row if not parts else 0
                parts.append(Part(writer.commit(), len(values) - left, left))
        return Rows(parts)

    return written


def ignore(_n_read: int, _n_all: int) -> None:
    """No progress is looked at."""


def found(rows: Rows, low: float, high: float) -> tuple[int, int]:
    return Positions().between(rows, "t", low, high, ignore)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 3, (0, 3)), (1, 3.5, (0, 6)), (2, 3, (1, 3)), (2.5, 2.9, (3, 3)), (3, 3, (3, 3)), (-9, 0, (0, 0)), (-9, 99, (0, 7)),
        (7, 8, (6, 7)), (8, 99, (7, 7)), (-inf, inf, (0, 7)), (3, 1, (3, 3)),
    ],
)  # fmt: skip
def test_duplicates_gaps_and_values_outside(write: Write, low: float, high: float, expected: tuple[int, int]) -> None:
    """The lower end belongs to the range and the upper does not; where no value lies, the range is empty."""
    assert found(write([1.0, 2.0, 2.0], [3.0, 3.0, 3.0], [7.0]), low, high) == expected


@given(values=st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=12), data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_positions_are_those_of_a_search_in_all_rows(write: Write, values: list[float], data: st.DataObject) -> None:
    """However the rows are cut into files."""
    values.sort()
    cut = data.draw(st.integers(1, len(values)))
    low, high = data.draw(st.integers(-6, 6)), data.draw(st.integers(-6, 6))
    rows = write(*filter(None, [values[:cut], values[cut:]]))

    start, stop = found(rows, low, high)

    assert values[start:stop] == [value for value in values if low <= value < high]


def test_over_many_blocks_few_are_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first search reads the column; from then on a block for each halving."""
    times = np.sort(np.random.default_rng(0).integers(0, 50_000, 40 * BLOCK_ROWS + 7)).astype(float)
    rows = write(times[:100_000].tolist(), times[100_000:].tolist())
    positions, told, read = Positions(), [], []
    positions.between(rows, "t", 0, 1, lambda *at: told.append(at))
    assert told[-1] == (len(times), len(times))
    batches = rows.batches

    def counted(start: int, stop: int, columns: list[str]) -> object:
        read.append(stop - start)
        return batches(start, stop, columns)

    monkeypatch.setattr(rows, "batches", counted)
    for low in range(0, 50_000, 5_001):
        read.clear()
        expected = tuple(np.searchsorted(times, [low, low + 777.5]).tolist())
        assert positions.between(rows, "t", low, low + 777.5, ignore) == expected
        assert len(read) <= 2 + 2 * 6
        assert max(read) <= BLOCK_ROWS


@pytest.mark.parametrize(
    ("files", "row"),
    [
        ([[1.0, 2.0, 1.5, 0.0]], 2),
        ([[1.0, 2.0], [1.0]], 2),
        ([[None, 2.0]], 0),
        ([[1.0, 2.0], [3.0, None]], 3),
        ([[1.0] * 70_000 + [0.5], [2.0]], 70_000),
    ],
)
def test_a_column_that_is_not_sorted_is_refused_with_the_row(write: Write, files: list[Values], row: int) -> None:
    """In a file, from one to the next, or where a cell is missing; again when asked again."""
    rows, positions = write(*files), Positions()

    for _ in range(2):
        with pytest.raises(NotSorted) as refused:
            positions.between(rows, "t", 0, 1, ignore)
        assert (refused.value.column, refused.value.row) == ("t", row)


def test_files_that_are_each_sorted_are_held_against_each_other_each_time(write: Write) -> None:
    """Two data sets may have files in another order."""
    rows, positions = write([1.0, 5.0], [5.0, 9.0]), Positions()
    assert positions.between(rows, "t", 5, 6, ignore) == (1, 3)

    with pytest.raises(NotSorted) as refused:
        positions.between(Rows(rows.parts[::-1]), "t", 5, 6, ignore)

    assert refused.value.row == 2


def test_rows_that_left_are_not_looked_at(write: Write) -> None:
    """Rows are counted from the first that is there; the file is looked through once, and again for rows further up."""
    rows, positions = write([9.0, 8.0, 1.0, 2.0, 3.0], [4.0], first_row=2), Positions()
    first, second = rows.parts
    later = Rows([Part(first.path, 2, 3), second])

    assert positions.between(rows, "t", 2, 4, ignore) == (1, 3)
    assert positions.between(later, "t", 2, 4, lambda *_: pytest.fail("it is known")) == (0, 2)
    with pytest.raises(NotSorted):
        positions.between(Rows([Part(first.path, 5, 0), second]), "t", 2, 4, ignore)


def test_a_first_search_can_be_stopped(write: Write) -> None:
    """What `progress` raises ends it."""

    def stop(_n_read: int, _n_all: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Positions().between(write([1.0]), "t", 1, 2, stop)
