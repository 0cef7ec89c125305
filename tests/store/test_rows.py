"""Row files: written whole or not at all, and read by position whatever pieces they came in."""

import os
import stat
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.solver.blocks import BLOCK_ROWS
from service.store.rows import Part, PartWriter, Rows, path, sweep

N = 10_000
X = np.random.default_rng(0).random((N, 3))
NAMES = ("a", "b", "c")


def batch(values: np.ndarray, names: Sequence[str] = NAMES) -> pa.RecordBatch:
    texts = pa.array([str(value) for value in values[:, 0]], pa.string())
    return pa.RecordBatch.from_arrays([*map(pa.array, values.T), texts], names=[*names, "t"])


def written(folder: Path, name: str, *pieces: np.ndarray) -> Part:
    with PartWriter(folder, name) as writer:
        for piece in pieces:
            writer.write(batch(piece))
        return Part(writer.commit(), writer.n_rows)


@given(
    parts=st.lists(st.integers(1, N - 1), max_size=4),
    pieces=st.lists(st.integers(1, N - 1), max_size=6),
    start=st.integers(0, N),
    length=st.integers(0, N),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_found_by_position_whatever_pieces_they_came_in(
    tmp_path: Path, parts: list[int], pieces: list[int], start: int, length: int
) -> None:
    """Files, batches and blocks are accidents of transport."""
    written_parts, cuts = [], sorted({0, *parts, N})
    for i, (first, last) in enumerate(pairwise(cuts)):
        within = [cut - first for cut in sorted(pieces) if first < cut < last]
        (tmp_path / f"p{i}.arrow").unlink(missing_ok=True)
        written_parts.append(written(tmp_path, f"p{i}", *np.split(X[first:last], within)))

    rows = Rows(written_parts)

    assert (rows.n_rows, rows.n_blocks) == (N, 3)
    assert rows.schema.names == ["a", "b", "c", "t"]
    found = [np.column_stack([piece[name] for name in NAMES]) for piece in rows.batches(start, start + length)]
    assert np.array_equal(np.vstack([X[:0], *found]), X[start : start + length])
    assert [len(block) for block in rows.blocks(("c", "a"))] == [BLOCK_ROWS, BLOCK_ROWS, N - 2 * BLOCK_ROWS]
    assert np.array_equal(rows.block(1, ("c", "a")), X[BLOCK_ROWS : 2 * BLOCK_ROWS, [2, 0]])


def test_text_and_booleans_come_back_as_they_were_written(tmp_path: Path) -> None:
    """They are kept, and asking for them as numbers is an error."""
    rows = Rows([written(tmp_path, "p", X[:10])])

    assert [piece["t"].to_pylist() for piece in rows.batches(8)] == [[str(X[8, 0]), str(X[9, 0])]]
    with pytest.raises(TypeError, match="'t'"):
        rows.block(0, ("t",))
    with pytest.raises(KeyError):
        rows.block(0, ("no such",))
    with pytest.raises(IndexError):
        rows.block(1, ("a",))


def test_parts_may_have_their_columns_in_any_order(tmp_path: Path) -> None:
    """Appended rows are matched by name."""
    with PartWriter(tmp_path, "second") as writer:
        writer.write(batch(X[10:20, ::-1], NAMES[::-1]))
        second = Part(writer.commit(), 10)

    rows = Rows([written(tmp_path, "first", X[:10]), second])

    assert np.array_equal(rows.block(0, NAMES), X[:20])
    assert [piece.schema.names for piece in rows.batches()] == [["a", "b", "c", "t"]] * 2


def test_a_file_is_there_after_commit_alone(tmp_path: Path) -> None:
    """Whatever leaves the context without it, an error or not, leaves nothing behind."""
    folder = tmp_path / "rows"
    with PartWriter(folder, "p") as writer:
        writer.write(batch(X))
        assert not path(folder, "p").exists()
    with pytest.raises(IndexError), PartWriter(folder, "p") as writer:
        writer.write(batch(X[0]))
    with pytest.raises(ValueError, match="needs rows"), PartWriter(folder, "p") as writer:
        writer.commit()
    assert list(folder.iterdir()) == []

    written(folder, "p", X)

    assert [file.name for file in folder.iterdir()] == ["p.arrow"]


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    """Rows are private."""
    part = written(tmp_path / "rows", "p", X[:1])

    assert stat.S_IMODE(part.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(part.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("n_rows", [BLOCK_ROWS, 16 * BLOCK_ROWS, 32 * BLOCK_ROWS])
def test_a_file_that_ends_with_a_full_batch_is_whole(tmp_path: Path, n_rows: int) -> None:
    """Nothing is left over then, and nothing is missing."""
    values = np.arange(3.0 * n_rows).reshape(n_rows, 3)

    rows = Rows([written(tmp_path, "p", values)])

    assert np.array_equal(np.vstack(list(rows.blocks(NAMES))), values)


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_is_said_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    """The error is the system's own; the next file can be written once there is room."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def fill(writer: PartWriter) -> None:
        for _ in range(100):
            writer.write(batch(X))
        writer.commit()

    with PartWriter(tmp_path, "p") as writer:
        if failing == "write":
            os.dup2(os.open("/dev/full", os.O_WRONLY), writer._file.fileno())
        else:
            monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left") as caught:
            fill(writer)
    monkeypatch.undo()

    assert caught.value.errno == 28
    assert list(tmp_path.iterdir()) == []
    assert written(tmp_path, "p", X).n_rows == N


def test_a_sweep_removes_what_no_table_names(tmp_path: Path) -> None:
    """What a crash left half written, and what was never named; other files are not ours to remove."""
    kept, dropped = written(tmp_path, "kept", X[:1]), written(tmp_path, "dropped", X[:1])
    writer = PartWriter(tmp_path, "half")
    writer.write(batch(X))
    (tmp_path / "linefit.db").touch()

    assert sweep(tmp_path, {"kept"}) == ["dropped.arrow", "half.arrow.part"]

    assert kept.path.exists()
    assert not dropped.path.exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["kept.arrow", "linefit.db"]
    with writer:
        pass


def test_reading_does_not_hold_the_file_in_memory(tmp_path: Path) -> None:
    """Columns are mapped, not copied: Arrow allocates next to nothing, however much is read."""
    with PartWriter(tmp_path, "p") as writer:
        for _ in range(60):
            writer.write(batch(X))
        part = Part(writer.commit(), writer.n_rows)
    rows, before, peak = Rows([part]), pa.total_allocated_bytes(), 0

    for block in rows.blocks(("a", "b")):
        peak = max(peak, pa.total_allocated_bytes() - before)
        assert block.shape[1] == 2

    assert part.path.stat().st_size > 20_000_000
    assert peak < 100_000


def test_a_thousand_parts_are_counted_without_opening_one(tmp_path: Path) -> None:
    """The tables know how many rows each has."""
    rows = Rows([Part(tmp_path / f"{i}.arrow", 100) for i in range(1000)])

    assert (rows.n_rows, rows.n_blocks) == (100_000, 25)
    with pytest.raises(FileNotFoundError):
        rows.block(0, ("a",))


@pytest.mark.parametrize("first_row", [1, BLOCK_ROWS, N - 1])
def test_rows_at_the_front_of_a_file_can_be_passed_over(tmp_path: Path, first_row: int) -> None:
    """A part is the last rows of its file; positions and blocks are those of the rows that are left."""
    whole = written(tmp_path, "p", X)
    rows = Rows([Part(whole.path, N - first_row, first_row), written(tmp_path, "q", X[:5])])
    left = np.concatenate([X[first_row:], X[:5]])

    assert rows.n_rows == len(left)
    assert np.array_equal(np.concatenate(list(rows.blocks(NAMES))), left)
    (piece,) = rows.batches(len(left) - 5, len(left), ["b"])
    assert np.array_equal(piece["b"], X[:5, 1])


def test_a_missing_number_is_nan_in_a_block_and_null_in_a_batch(tmp_path: Path) -> None:
    """A number that is there is never NaN, so nothing is lost."""
    cells = [1.0, None, 3.0]
    with PartWriter(tmp_path, "p") as writer:
        writer.write(pa.RecordBatch.from_arrays([pa.array(cells), pa.nulls(3, pa.float64())], names=["a", "b"]))
        rows = Rows([Part(writer.commit(), 3)])

    assert np.array_equal(rows.block(0, ("a", "b")), [[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]], equal_nan=True)
    assert [value for piece in rows.batches() for value in piece["a"].to_pylist()] == cells


def test_rows_of_text_are_written_as_soon_as_they_fill_a_block(tmp_path: Path) -> None:
    """However short the first were: what is held is bounded by a block of the longest rows, not by what came first."""
    with PartWriter(tmp_path, "p") as writer:
        for word in ["", "word" * 10]:
            for _ in range(3):
                writer.write(pa.record_batch({"x": np.zeros(BLOCK_ROWS), "t": [word] * BLOCK_ROWS}))
        part = Part(writer.commit(), writer.n_rows)

    assert [piece.num_rows for piece in Rows([part]).batches()] == [BLOCK_ROWS] * 6
