"""Arrays as numpy writes them (NPY): what the header says is checked, then the rows come some at a time.

Source: numpy.lib.format, whose functions read the header. It is Python text, which is never run, and no array of objects, which
would be pickles, is read. An array of numbers needs no later version of the format than 1.0, whose header is short.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from service.ingest.csv_records import Readable, filled
from service.ingest.errors import BadNumpy, TooLong
from service.ingest.spool import spooled

ITEM_BYTES = {"f": (2, 4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "b": (1,)}  # of the numbers and booleans that are read
TIME_UNITS = ("D", "s", "ms", "us", "ns")  # of the times that are read
MOST = 2**63 - 1  # as many as numpy has, and JSON can tell of: an array of (0, 2^70) is written in ten bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What an array is, before a byte of it is read."""

    n_rows: int
    width: int
    is_fortran: bool
    dtype: np.dtype[Any]
    n_dimensions: int

    @property
    def n_bytes(self) -> int:
        return self.n_rows * self.width * self.dtype.itemsize

    @property
    def is_readable(self) -> bool:
        """Whether it is of numbers, booleans or times."""
        if self.dtype.kind == "M":
            unit, count = np.datetime_data(self.dtype)
            return unit in TIME_UNITS and count == 1
        return self.dtype.itemsize in ITEM_BYTES.get(self.dtype.kind, ())


def header_of(stream: Readable, max_bytes: int) -> Header:
    """The header of an array of one or two dimensions. Raises: BadNumpy; TooLong; whatever the stream's read raises."""
    source: Any = _Source(stream)
    try:
        if npy.read_magic(source) != (1, 0):
            raise BadNumpy("it is not of version 1.0 of the format, as arrays of numbers are")
        shape, is_fortran, dtype = npy.read_array_header_1_0(source)
    except (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError, UserWarning) as error:
        raise BadNumpy(str(error)) from None
    if len(shape) not in {1, 2} or min(shape) < 0 or max(shape) > MOST:
        raise BadNumpy(f"its shape is {shape}; one or two dimensions are read")
    found = Header(shape[0], shape[1] if len(shape) == 2 else 1, is_fortran, dtype, len(shape))
    if dtype.hasobject:
        raise BadNumpy("it holds Python objects, which are never read")
    if found.n_bytes > max_bytes:
        raise TooLong(max_bytes)
    return found


class _Source:
    """What numpy reads a header from: all of what it asks for, where there is as much."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        return filled(self._stream, size)


class Rows:
    """The rows of an array, from the first to the last."""

    def __init__(self, header: Header, stream: Readable, columns: IO[bytes] | None) -> None:
        """Args: columns: a file of all of it, column after column, where it came in that order."""
        self.header, self._stream, self._columns, self._at = header, stream, columns, 0

    def take(self, n_rows: int) -> NDArray[Any]:
        """The next rows (n_rows, width). Raises: BadNumpy: there are not as many; whatever the stream's read raises."""
        dtype, width = self.header.dtype, self.header.width
        if self._columns is None:
            items = np.frombuffer(self._exactly(filled(self._stream, n_rows * width * dtype.itemsize), n_rows * width), dtype)
            return items.reshape(n_rows, width)
        n_bytes, file = n_rows * dtype.itemsize, self._columns.fileno()
        starts = ((j * self.header.n_rows + self._at) * dtype.itemsize for j in range(width))
        parts = [np.frombuffer(self._exactly(os.pread(file, n_bytes, start), n_rows), dtype) for start in starts]
        self._at += n_rows
        return np.column_stack(parts)

    def end(self) -> None:
        """Raises: BadNumpy: something follows the array."""
        if self._stream.read(1):
            raise BadNumpy("something follows the array")

    def _exactly(self, found: bytes, n_items: int) -> bytes:
        if len(found) < n_items * self.header.dtype.itemsize:
            raise BadNumpy("it is cut off")
        return found


@contextmanager
def rows_of(header: Header, stream: Readable, folder: Path) -> Iterator[Rows]:
    """The rows of the array whose header was read from the stream; one in Fortran order is put on disk first.

    Raises: OSError: the disk is full, say; whatever the stream's read raises.
    """
    if not header.is_fortran or header.width == 1:
        yield Rows(header, stream, None)
        return
    with spooled(_Front(stream, header.n_bytes), folder) as file:
        yield Rows(header, stream, file)


class _Front:
    """The first bytes of a stream."""

    def __init__(self, stream: Readable, n_bytes: int) -> None:
        self._stream, self._left = stream, n_bytes

    def read(self, size: int, /) -> bytes:
        part = self._stream.read(min(size, self._left)) or b""
        self._left -= len(part)
        return part
