"""Rows on disk: Arrow IPC files, uncompressed, so that reading is mapping; each written whole or not at all.

The rows of a data set are one file an upload or append; where rows were taken away, what is left of it. All batches of a file but its last have the same number of rows, a
multiple of BLOCK_ROWS, whatever pieces they came in: so a row is found by arithmetic. Where there is text it is BLOCK_ROWS: the
first rows do not say how long those to come are, and what is held before it is written is then at most so many rows and a batch.
"""

import contextlib
import os
import threading
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from service.solver.blocks import BLOCK_ROWS

BATCH_BYTES = 4 << 20  # of a batch on disk, about
BEGUN_BYTES = 32 << 20  # at the end of 1.6 GB there is then nothing left to wait for, instead of 0.45 s
SUFFIX, UNFINISHED = ".arrow", ".arrow.part"
OPEN_PARTS = 16

Floats = npt.NDArray[np.float64]


def path(folder: Path, name: str) -> Path:
    """Where the rows called `name` are."""
    return folder / f"{name}{SUFFIX}"


class PartWriter:
    """Writes a row file. It is there once `commit` returns, even if the power fails then; left without, it never was."""

    def __init__(self, folder: Path, name: str) -> None:
        """Raises: FileExistsError: `name` is being written already."""
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync(folder.parent)  # else the power may take the folder with the file in it
        self.path, self._unfinished = path(folder, name), folder / f"{name}{UNFINISHED}"
        self.n_rows = 0
        self._pending: deque[pa.RecordBatch] = deque()
        self._n_pending = self._batch_rows = self._n_begun = 0
        self._writer: pa.RecordBatchFileWriter | None = None
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._file.closed:
            self._discard()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows.

        Raises: OSError: the disk is full, say; the file is gone then.
        """
        with self._whole_or_not_at_all():
            self._pending.append(batch)
            self.n_rows += batch.num_rows
            self._n_pending += batch.num_rows
            if self._writer is None:
                self._batch_rows = _batch_rows(batch)
                self._writer = pa.ipc.new_file(self._file, batch.schema)
            while self._n_pending >= self._batch_rows:
                self._write_pending(self._writer, self._batch_rows)

    def commit(self) -> Path:
        """Make the file durable and give it its name.

        Raises: ValueError: there are no rows; OSError: the file is gone then.
        """
        if self._writer is None or not self.n_rows:
            raise ValueError("a row file needs rows")
        with self._whole_or_not_at_all():
            self._write_pending(self._writer, self._n_pending)
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._unfinished.rename(self.path)
            _sync(self.path.parent)
        return self.path

    def _write_pending(self, writer: pa.RecordBatchFileWriter, n_rows: int) -> None:
        """Write so many rows as a batch, uncopied if they came in one."""
        parts: list[pa.RecordBatch] = []
        self._n_pending -= n_rows
        while n_rows:
            part = self._pending.popleft()
            if part.num_rows > n_rows:
                self._pending.appendleft(part.slice(n_rows))
                part = part.slice(0, n_rows)
            n_rows -= part.num_rows
            parts.append(part)
        if parts:
            writer.write_table(pa.Table.from_batches(parts).combine_chunks())
        self._begin_to_disk()

    def _begin_to_disk(self) -> None:
        """Have what was written go to the disk from now on: else it all does at the end, while whoever sent it waits.

        That is what Linux does on this call; what is not on the disk yet stays in memory, whatever the name says.
        """
        n_bytes = self._file.tell() - self._n_begun
        if n_bytes >= BEGUN_BYTES and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file.fileno(), self._n_begun, n_bytes, os.POSIX_FADV_DONTNEED)
            self._n_begun += n_bytes

    @contextlib.contextmanager
    def _whole_or_not_at_all(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        self._pending.clear()
        self._unfinished.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # closing writes what is buffered, and a full disk says so again
            self._file.close()


def _batch_rows(first: pa.RecordBatch) -> int:
    """How many rows the batches of a file are to have, whose first rows these are."""
    if pa.string() in first.schema.types:
        return BLOCK_ROWS
    row_bytes = max(1, first.nbytes // max(1, first.num_rows))
    return max(1, min(16, BATCH_BYTES // (row_bytes * BLOCK_ROWS))) * BLOCK_ROWS


def sweep(folder: Path, keep: set[str]) -> list[str]:
    """Remove unfinished row files and those whose names are not in `keep`; other files are let be. Answers what went.

    For the start of the service: a file that is being written would go too.
    """
    gone = [
        file
        for file in sorted(folder.glob("*"))
        if file.name.endswith(UNFINISHED) or (file.name.endswith(SUFFIX) and file.name.removesuffix(SUFFIX) not in keep)
    ]
    for file in gone:
        file.unlink()
    if gone:
        _sync(folder)
    return [file.name for file in gone]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Part:
    """A row file's last n_rows rows: kept with it in the tables, so that a thousand need not be opened to be counted."""

    path: Path
    n_rows: int
    first_row: int = 0  # of the file; those before it have left


def floats(values: "pa.Array[Any]") -> Floats:
    """A column of numbers, or of timestamps as microseconds since 1970, as float64 (m,), NaN where a cell is missing."""
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64()).cast(pa.float64(), safe=False)
    found: Floats = values.to_numpy(zero_copy_only=False)
    return found


class Rows:
    """The rows of several files, one after the other. Any thread may read; what is read is mapped, not copied."""

    def __init__(self, parts: Sequence[Part], missing: Callable[[FileNotFoundError], Exception] = lambda error: error) -> None:
        """Args: missing: what is raised if a file is found to be gone when it is read."""
        self._missing = missing
        self._parts = [part for part in parts if part.n_rows]
        self._starts = [0, *accumulate(part.n_rows for part in self._parts)]
        self._open: OrderedDict[int, pa.RecordBatchFileReader] = OrderedDict()
        self._lock = threading.Lock()  # over the readers: Arrow does not promise that one may be used by two threads

    @property
    def parts(self) -> list[Part]:
        """The parts that have rows, in order."""
        return self._parts

    @property
    def n_rows(self) -> int:
        return self._starts[-1]

    @property
    def n_blocks(self) -> int:
        return -(-self.n_rows // BLOCK_ROWS)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, as the first part has them."""
        with self._lock:
            return self._reader(0).schema

    def batches(
        self, start: int = 0, stop: int | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Rows start to stop, in pieces as they lie on disk; parts may have their columns in any order.

        Raises: KeyError: there is no such column; OSError, pa.ArrowInvalid: a file is gone or damaged.
        """
        wanted = list(self.schema.names if columns is None else columns)
        stop = self.n_rows if stop is None else min(stop, self.n_rows)
        at = max(start, 0)
        while at < stop:
            part = bisect_right(self._starts, at) - 1
            batch, first = self._batch(part, self._parts[part].first_row + at - self._starts[part])
            n_rows = min(batch.num_rows - first, stop - at)
            yield batch.select(wanted).slice(first, n_rows)
            at += n_rows

    def block(self, i: int, columns: Sequence[str]) -> Floats:
        """Logical block i of BLOCK_ROWS rows, whatever parts they lie in, as float64 (m, k); the last may be short.

        Of timestamps it has the microseconds since 1970.

        A cell that is missing is NaN, which no cell that is there can be.

        Raises: IndexError; TypeError: a column is not of numbers or timestamps; as `batches`.
        """
        if not 0 <= i < self.n_blocks:
            raise IndexError(f"block {i} of {self.n_blocks}")
        start = i * BLOCK_ROWS
        block = np.empty((min(BLOCK_ROWS, self.n_rows - start), len(columns)))
        at = 0
        for batch in self.batches(start, start + len(block), columns):
            for j, values in enumerate(batch.columns):
                if values.type != pa.float64() and not pa.types.is_timestamp(values.type):
                    raise TypeError(f"column {columns[j]!r} is of {values.type}, not of numbers")
                block[at : at + len(values), j] = floats(values)
            at += batch.num_rows
        return block

    def blocks(self, columns: Sequence[str]) -> Iterator[Floats]:
        """All logical blocks in order.

        Raises: as `block`.
        """
        return (self.block(i, columns) for i in range(self.n_blocks))

    def _batch(self, part: int, row: int) -> tuple[pa.RecordBatch, int]:
        """The batch of a part that has this row, and the row's place in it."""
        with self._lock:
            reader = self._reader(part)
            first = reader.get_batch(0)
            number, place = divmod(row, first.num_rows)
            return (first if number == 0 else reader.get_batch(number)), place

    def _reader(self, part: int) -> pa.RecordBatchFileReader:
        reader = self._open.pop(part, None)
        if reader is None:
            try:
                reader = pa.ipc.open_file(pa.memory_map(str(self._parts[part].path)))
            except FileNotFoundError as error:
                raise self._missing(error) from None
            if len(self._open) >= OPEN_PARTS:
                self._open.popitem(last=False)
        self._open[part] = reader
        return reader
