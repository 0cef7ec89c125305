"""Arrays of numbers lifted out of a long JSON body, so that Pydantic has only the rest to read.

An array of numbers has no quote and no brace in it, so the next one in the text ends it. simdjson reads its grammar and its
numbers exactly, 10 times as fast as Pydantic, but it flattens: what is left of the text without its numbers tells the lengths
of the rows. It holds the interpreter's lock, and so is given PART_BYTES at a time, cut where a row ends.

Nothing here says what is wrong with a body. What is not as expected is left in the text, for Pydantic to read or to refuse.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import simdjson
from pydantic import TypeAdapter, ValidationError

Floats = npt.NDArray[np.float64]
Rows: TypeAlias = Floats | list[Any]

PART_BYTES = 1 << 19  # read in 1 ms by simdjson, in 4 to 15 by Pydantic, and no thread waits longer for the lock
OF_CELLS = b"0123456789+-.eE \t\n\r"  # all that an array of numbers has beside its commas and brackets

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_INSIDE = rb'(?:%b|[^][{}"]++)*+' % _STRING
_OPENING = re.compile(rb"%b\{" % _SPACE)
_KEY = re.compile(rb"%b(%b)%b:%b" % (_SPACE, _STRING, _SPACE, _SPACE), re.DOTALL)
_OTHER = re.compile(rb'%b|[^][{}",: \t\n\r]++|\[%b\]|\{%b\}' % (_STRING, _INSIDE, _INSIDE), re.DOTALL)  # nothing in two lists
_FOLLOWING = re.compile(rb"%b([,}])" % _SPACE)
_ROW_END = re.compile(rb"(\])%b," % _SPACE)
_CELL_END = re.compile(rb"(),")


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was lifted, with NaN for null, and the text with null in its place, or an empty list among columns."""

    rest: bytes
    fields: dict[str, Rows]
    columns: dict[str, Floats]


class _UnexpectedError(Exception):
    """The text is not what is lifted from."""


def lifted(body: bytes, matrix: TypeAdapter[Any], numbers: TypeAdapter[Any], part_bytes: int = PART_BYTES) -> Lifted | None:
    """The numbers of the fields X, y, weights and columns, and the rest; None: Pydantic must read all of it.

    If Pydantic takes the rest, it would have taken the whole, with the same numbers.

    Args: matrix: reads a list of rows as the fields do; numbers: a list of cells.
    """
    parser = simdjson.Parser()
    fields: dict[str, Rows] = {}
    columns: dict[str, Floats] = {}
    rest: list[bytes] = []
    kept = 0

    def lift(into: dict[str, Any], name: str, at: int, instead: bytes) -> int:
        nonlocal kept
        end = _array_end(body, at)
        try:
            if name == "X" and into is fields:
                into[name] = _matrix(parser, matrix, _parts(body, at, end, _ROW_END, part_bytes))
            else:
                into[name] = _flat(parser, numbers, _parts(body, at, end, _CELL_END, part_bytes))
        except (_UnexpectedError, ValidationError):
            return _match(_OTHER, body, at).end()
        rest.extend((body[kept:at], instead))
        kept = end
        return end

    def value(name: str, at: int) -> int:
        if name == "columns" and body[at : at + 1] == b"{":
            return _object(body, at, lambda column, at: lift(columns, column, at, b"[]"))
        if name in ("X", "y", "weights"):
            return lift(fields, name, at, b"null")
        return _match(_OTHER, body, at).end()

    try:
        _object(body, 0, value)
    except _UnexpectedError:
        return None
    return Lifted(b"".join((*rest, body[kept:])), fields, columns) if rest else None


def _object(body: bytes, at: int, value: Callable[[str, int], int]) -> int:
    """Where the object ends that starts here; `value` is told where each value starts, and says where it ends."""
    seen: set[str] = set()
    at = _match(_OPENING, body, at).end()
    while True:
        key = _match(_KEY, body, at)
        try:
            name = json.loads(key[1])
        except ValueError:
            raise _UnexpectedError from None
        if name in seen:
            raise _UnexpectedError
        seen.add(name)
        following = _match(_FOLLOWING, body, value(name, key.end()))
        at = following.end()
        if following[1] == b"}":
            return at


def _match(pattern: re.Pattern[bytes], body: bytes, at: int) -> re.Match[bytes]:
    found = pattern.match(body, at)
    if found is None:
        raise _UnexpectedError
    return found


def _array_end(body: bytes, at: int) -> int:
    """Where an array ends that has neither quotes nor braces in it; `at` or before, if this is none."""
    quote = body.find(b'"', at)
    brace = body.find(b"}", at, None if quote < 0 else quote)
    return body.rfind(b"]", at, brace if brace >= 0 else quote if quote >= 0 else None) + 1


def _parts(body: bytes, start: int, end: int, separator: re.Pattern[bytes], part_bytes: int) -> Iterator[bytes]:
    """The array in parts, each an array of at least so many bytes, but for the last."""
    if body[start : start + 1] != b"[" or end <= start + 1:
        raise _UnexpectedError
    view, at, last = memoryview(body), start + 1, end - 1
    while cut := separator.search(body, min(at + part_bytes, last), last):
        yield b"".join((b"[", view[at : cut.end(1)], b"]"))
        at = cut.end()
    yield b"".join((b"[", view[at:last], b"]"))


def _matrix(parser: simdjson.Parser, matrix: TypeAdapter[Any], parts: Iterator[bytes]) -> Rows:
    """The rows (n, p), column by column in memory; or, if they are ragged, the first up to the one that is.

    Raises: _UnexpectedError, ValidationError.
    """
    blocks: list[Floats] = []
    ragged: list[Any] = []
    n_rows = 0
    for part in parts:
        rows = _rows(parser, matrix, part)
        if not len(rows):
            raise _UnexpectedError  # a comma that nothing follows, or no rows at all
        width = blocks[0].shape[0] if blocks else len(rows[0])
        other = _first_of_other_width(rows, width)
        if other is not None:
            ragged = ragged or [[0.0] * width] * (n_rows + other) + [rows[other]]
        else:
            blocks.append(np.array(rows, np.float64).T.copy())
        n_rows += len(rows)
    return ragged or np.concatenate(blocks, axis=1).T


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


def _flat(parser: simdjson.Parser, numbers: TypeAdapter[Any], parts: Iterator[bytes]) -> Floats:
    """The cells (n,). Raises: _UnexpectedError, ValidationError."""
    blocks: list[Floats] = []
    for part in parts:
        skeleton = part.translate(None, OF_CELLS)
        values = _numbers(parser, part) if skeleton == b"[%b]" % (b"," * (len(skeleton) - 2)) else None
        cells: Sequence[float | None] | Floats = numbers.validate_json(part) if values is None else values
        if not len(cells):
            raise _UnexpectedError
        blocks.append(np.array(cells, np.float64))
    return np.concatenate(blocks)


def _numbers(parser: simdjson.Parser, part: bytes) -> Floats | None:
    """The numbers in an array, flattened; None: one is too large for simdjson, or these are not numbers only."""
    try:
        return np.frombuffer(cast("simdjson.Array", parser.parse(part)).as_buffer(of_type="d"), np.float64)
    except (ValueError, TypeError, RuntimeError):
        return None
