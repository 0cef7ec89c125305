"""Arrays of numbers lifted out of a long JSON body, so that Pydantic has only the rest to read.

An array of numbers has no quote and no brace in it, so the next one in the text ends it. simdjson reads its grammar and its
numbers exactly, 10 times as fast as Pydantic, but it flattens: what is left of the text without its numbers tells the lengths
of the rows. It holds the interpreter's lock, and so is given PART_BYTES at a time, cut where a row ends.

Nothing here says what is wrong with a body. What is not as expected is left in the text, for Pydantic to read or to refuse.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import simdjson
from pydantic import TypeAdapter, ValidationError

from service.ingest.json_text import Text, UnexpectedError

Floats = npt.NDArray[np.float64]
Rows: TypeAlias = Floats | list[Any]
Parts: TypeAlias = Iterator[tuple[bytes, int]]

PART_BYTES = 1 << 18  # read in half a ms by simdjson, in 2 to 8 by Pydantic, and no thread waits longer for the lock
OF_CELLS = b"0123456789+-.eE \t\n\r"  # all that an array of numbers has beside its commas and brackets

_ROW_END = re.compile(rb"(\])[ \t\n\r]*+,(?=[ \t\n\r]*+\[)")
_CELL_END = re.compile(rb"(),(?=[ \t\n\r]*+[-0-9n])")


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was lifted, with NaN for null, and the text with null in its place, or an empty list among columns."""

    rest: bytes
    fields: dict[str, Rows]
    columns: dict[str, Floats]


def lifted(text: Text, matrix: TypeAdapter[Any], numbers: TypeAdapter[Any], part_bytes: int) -> Lifted | None:
    """The numbers of the fields X, y, weights and columns, and the rest; None: Pydantic must read all of it.

    If Pydantic takes the rest, it would have taken the whole, with the same numbers.

    Args: matrix: reads a list of rows as the fields do; numbers: a list of cells.
    Raises: InvalidFields: an object with too many names; as the stream that the text comes from.
    """
    parser = simdjson.Parser()
    fields: dict[str, Rows] = {}
    columns: dict[str, Floats] = {}
    rest: list[bytes] = []
    kept = 0

    def lift(into: dict[str, Any], name: str, at: int, instead: bytes) -> int:
        nonlocal kept
        before = text.between(kept, at)
        try:
            if name == "X" and into is fields:
                into[name], end = _matrix(parser, matrix, _parts(text, at, _ROW_END, part_bytes))
            else:
                into[name], end = _flat(parser, numbers, _parts(text, at, _CELL_END, part_bytes))
        except (UnexpectedError, ValidationError):
            if text.done > at:
                raise UnexpectedError from None  # it began as expected, and is no more there to be looked at again
            return text.value_end(at)
        rest.extend((before, instead))
        kept = text.done = end
        return end

    def value(name: str, at: int) -> int:
        if name == "columns" and text.upto(at + 1) and text.between(at, at + 1) == b"{":
            return text.object_end(at, lambda column, at: lift(columns, column, at, b"[]"))
        if name in ("X", "y", "weights"):
            return lift(fields, name, at, b"null")
        return text.value_end(at)

    try:
        text.object_end(0, value)
    except UnexpectedError:
        return None
    return Lifted(b"".join((*rest, text.rest(kept))), fields, columns) if rest else None


def _parts(text: Text, start: int, separator: re.Pattern[bytes], part_bytes: int) -> Parts:
    """The array that starts here in parts, each an array of about so many bytes, and where it ends.

    Raises: UnexpectedError: it is none, or has a row longer than that; as the stream.
    """
    if not text.upto(start + 1) or text.between(start, start + 1) != b"[":
        raise UnexpectedError
    at = start + 1
    while True:
        text.upto(at + 2 * part_bytes)
        ahead = text.between(at, at + 2 * part_bytes)
        cut, stop = None, _array_stop(ahead, 0, part_bytes)
        if stop < 0:
            cut = separator.search(ahead, part_bytes)
            stop = _array_stop(ahead, part_bytes, cut.end() if cut else len(ahead))
        if stop >= 0:
            end = ahead.rfind(b"]", 0, stop)
            if end < 0:
                raise UnexpectedError
            yield _array(ahead, end), at + end + 1
            return
        if cut is None:
            raise UnexpectedError
        yield _array(ahead, cut.end(1)), at + cut.end()
        at = text.done = at + cut.end()


def _array(values: bytes, end: int) -> bytes:
    return b"".join((b"[", memoryview(values)[:end], b"]"))


def _array_stop(text: bytes, start: int, end: int) -> int:
    """Where a quote or a brace is; below 0: nowhere."""
    quote = text.find(b'"', start, end)
    brace = text.find(b"}", start, end if quote < 0 else quote)
    return quote if brace < 0 else brace


def _matrix(parser: simdjson.Parser, matrix: TypeAdapter[Any], parts: Parts) -> tuple[Rows, int]:
    """The rows (n, p), column by column in memory; or, if they are ragged, the first up to the one that is. And their end.

    Raises: UnexpectedError, ValidationError; as `parts`.
    """
    blocks: list[Floats] = []
    ragged: list[Any] = []
    n_rows = end = 0
    for part, part_end in parts:
        rows = _rows(parser, matrix, part)
        if not len(rows):
            raise UnexpectedError  # a comma that nothing follows, or no rows at all
        width = blocks[0].shape[0] if blocks else len(rows[0])
        other = _first_of_other_width(rows, width)
        if other is not None:
            ragged = ragged or [[0.0] * width] * (n_rows + other) + [rows[other]]
        else:
            blocks.append(np.asarray(rows, np.float64).T.copy())
        n_rows, end = n_rows + len(rows), part_end
    return ragged or np.concatenate(blocks, axis=1).T, end


def _first_of_other_width(rows: Rows, width: int) -> int | None:
    if isinstance(rows, np.ndarray):
        return None if rows.shape[1] == width else 0
    return next((i for i, row in enumerate(rows) if len(row) != width), None)


def _rows(parser: simdjson.Parser, matrix: TypeAdapter[Any], part: bytes) -> Rows:
    """Raises: ValidationError."""
    skeleton = part.translate(None, OF_CELLS)  # [[,,],[,,]]: 600 KB a ms, and nothing in numpy was faster
    row = skeleton[1 : skeleton.find(b"]") + 1] + b","
    n_rows, width = len(skeleton) // len(row), len(row) - 2
    if skeleton == b"[%b]" % (row * n_rows)[:-1]:
        values = _numbers(parser, part)
        if values is not None and len(values) == n_rows * width:
            return values.reshape(n_rows, width)
    rows: list[Any] = matrix.validate_json(part)
    return rows


def _flat(parser: simdjson.Parser, numbers: TypeAdapter[Any], parts: Parts) -> tuple[Floats, int]:
    """The cells (n,), and their end. Raises: UnexpectedError, ValidationError; as `parts`."""
    blocks: list[Floats] = []
    end = 0
    for part, part_end in parts:
        skeleton = part.translate(None, OF_CELLS)
        values = _numbers(parser, part) if skeleton == b"[%b]" % (b"," * (len(skeleton) - 2)) else None
        cells: Sequence[float | None] | Floats = numbers.validate_json(part) if values is None else values
        blocks.append(np.array(cells, np.float64))
        end = part_end
    return np.concatenate(blocks), end


def _numbers(parser: simdjson.Parser, part: bytes) -> Floats | None:
    """The numbers in an array, flattened; None: one is too large for simdjson, or these are not numbers only."""
    try:
        return np.frombuffer(cast("simdjson.Array", parser.parse(part)).as_buffer(of_type="d"), np.float64)
    except (ValueError, TypeError, RuntimeError):
        return None
