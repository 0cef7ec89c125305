"""Rows in numpy's files: an array (NPY), or several in a ZIP (NPZ): X, y and their names, or a column each.

An array has no names: its columns are those of the data set or the model that it is for, in their order, or else x1, x2, …
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from service.ingest import arrow_rows, names
from service.ingest.csv_records import Readable, filled
from service.ingest.errors import BadNumpy, NoRows, TooManyColumns, TooManyRows, UnequalColumns, UnsupportedColumn
from service.ingest.numpy_arrays import Header, Rows, header_of, rows_of
from service.ingest.spool import spooled

BLOCK_CELLS = 1 << 20
READ_BYTES = 1 << 20
DIRECTORY_BYTES = 4 << 20  # what ZIP's directory, read as a whole, may have
NAME_BYTES = 4096  # of a feature's name in its array, four a character
X, Y, FEATURE_NAMES = "X", "y", "feature_names"
BAD_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError, ValueError,
    SystemError,  # of a text whose characters are beyond Unicode
)  # fmt: skip


def npy_batches(
    stream: Readable, folder: Path, max_bytes: int, max_columns: int, max_rows: int, called: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The rows of an array of numbers, booleans or times, as `arrow_rows` has them; NaN is no missing cell, NaT is one.

    Args: folder: where it is put if its columns come one after the other; called: what they are called, if they are so many.
    Raises: BadNumpy, TooLong, NoRows, NoColumns, TooManyRows, TooManyColumns, UnsupportedColumn, LossyInteger; OSError.
    """
    header = header_of(stream, max_bytes)
    of = _names(header.width, None, called, max_columns)
    with rows_of(header, stream, folder) as rows:
        yield from names.limited(_converted([(rows, of)], max_columns, max_rows), max_rows)


def npz_batches(
    stream: Readable, folder: Path, max_bytes: int, max_columns: int, max_rows: int, called: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The rows of an archive of arrays: `X`, `y` and `feature_names`, the last two if they are there, or a column each.

    Raises: as `npy_batches`; UnequalColumns.
    """
    with spooled(stream, folder) as file, ExitStack() as held:
        try:
            archive = zipfile.ZipFile(_Bounded(file))
            arrays = _arrays(archive, max_bytes, max_columns, held)
            lengths = {name: header.n_rows for name, (header, _) in arrays.items() if name != FEATURE_NAMES}
            if len(set(lengths.values())) > 1:
                raise UnequalColumns(lengths)
            parts = [
                (held.enter_context(rows_of(*arrays[name], folder)), of) for name, of in _called(arrays, called, max_columns)
            ]
            yield from names.limited(_converted(parts, max_columns, max_rows), max_rows)
        except BAD_ZIP as error:
            raise BadNumpy(str(error)) from None


Arrays = Mapping[str, tuple[Header, Readable]]


def _arrays(archive: zipfile.ZipFile, max_bytes: int, max_columns: int, held: ExitStack) -> Arrays:
    infos = archive.infolist()
    if len(infos) > max_columns + 3:
        raise BadNumpy(f"it has {len(infos)} arrays")
    found: dict[str, tuple[Header, Readable]] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name == info.filename or name in found or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise BadNumpy(f"{info.filename!r} is no array as numpy writes one, or comes twice")
        member = _Member(held.enter_context(archive.open(info)))
        found[name] = header_of(member, max_bytes), member
    return found


def _called(arrays: Arrays, called: Sequence[str], max_columns: int) -> list[tuple[str, tuple[str, ...]]]:
    """The arrays that have rows, in order, each with the names of its columns."""
    if X not in arrays:
        matrix = next((name for name, (header, _) in arrays.items() if header.n_dimensions > 1), None)
        if matrix is not None:
            raise BadNumpy(f"{matrix!r} has two dimensions: call it X, or send a column each")
        return [(name, (name,)) for name in arrays]
    other = next((name for name in arrays if name not in {X, Y, FEATURE_NAMES}), None)
    if other is not None:
        raise BadNumpy(f"{other!r} beside X: expected X, y and feature_names, or a column each")
    width = arrays[X][0].width
    given = _texts(*arrays[FEATURE_NAMES], max_columns) if FEATURE_NAMES in arrays else None
    if given is not None and len(given) != width:
        raise BadNumpy(f"X has {width} columns and feature_names {len(given)} names")
    if Y not in arrays:
        return [(X, _names(width, given, called, max_columns))]
    if arrays[Y][0].width != 1:
        raise BadNumpy(f"y has {arrays[Y][0].width} columns")
    of = _names(width + 1, None, called, max_columns)
    if given or len(called) != width + 1:
        of = (*_names(width, given, (), max_columns), Y)
    return [(X, of[:-1]), (Y, of[-1:])]


def _names(width: int, given: Sequence[str] | None, called: Sequence[str], max_columns: int) -> tuple[str, ...]:
    """Raises: TooManyColumns: before each has a name, as an array without rows may say 2^70 in ten bytes."""
    if width > max_columns:
        raise TooManyColumns(width, max_columns)
    return tuple(given or (called if len(called) == width else names.feature_names(width)))


def _texts(header: Header, stream: Readable, most: int) -> list[str]:
    if header.dtype.kind != "U" or header.n_rows > most or header.width != 1 or header.dtype.itemsize > NAME_BYTES:
        raise BadNumpy("feature_names must be an array of text, a name a column of X")
    packed = filled(stream, header.n_bytes)
    if len(packed) < header.n_bytes:
        raise BadNumpy("it is cut off")
    texts: list[str] = np.frombuffer(packed, header.dtype).tolist()
    return texts


def _converted(parts: Sequence[tuple[Rows, tuple[str, ...]]], max_columns: int, max_rows: int) -> Iterator[pa.RecordBatch]:
    called = names.checked((name for _, of in parts for name in of), max_columns)
    for rows, of in parts:
        if not rows.header.is_readable:
            raise UnsupportedColumn(of[0], str(rows.header.dtype))
    n_rows = parts[0][0].header.n_rows
    if not n_rows:
        raise NoRows
    if n_rows > max_rows:
        raise TooManyRows(max_rows)
    types = [pa.from_numpy_dtype(rows.header.dtype.newbyteorder("=")) for rows, of in parts for _ in of]
    yield from arrow_rows.converted(pa.schema(list(zip(called, types, strict=True))), _blocks(parts, called, n_rows), None)


def _blocks(parts: Sequence[tuple[Rows, Any]], called: Sequence[str], n_rows: int) -> Iterator[pa.RecordBatch]:
    most = max(1, BLOCK_CELLS // len(called))
    for start in range(0, n_rows, most):
        blocks = [rows.take(min(most, n_rows - start)) for rows, _ in parts]
        columns = [column for block in blocks for column in block.T.astype(block.dtype.newbyteorder("="), order="C")]
        yield names.record_batch([pa.array(column) for column in columns], called)
    for rows, _ in parts:
        rows.end()


class _Member:
    """An array in an archive, unpacked some bytes at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, READ_BYTES))


class _Bounded:
    """A file of which nothing long is read at once: an archive says how long its directory is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.tell, self.seekable = file.tell, file.seekable

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):  # not the disk's fault: the archive said where
            raise BadNumpy("it is no archive as numpy writes one, or it is damaged") from None

    def read(self, size: int = -1, /) -> bytes:
        found = self._file.read(DIRECTORY_BYTES + 1 if size < 0 else min(size, DIRECTORY_BYTES + 1))
        if len(found) > DIRECTORY_BYTES:
            raise BadNumpy("the directory of the archive is too long")
        return found
