"""Moments as bytes: a magic, a JSON header, and the upper triangle as signed little-endian integers of one width."""

import json
import struct
from collections.abc import Iterator

from flint import fmpz, fmpz_mat

from service.solver.entries import symmetric, upper_triangle
from service.solver.reading import Numbers

MAGIC = b"LFMOM1\r\n"  # the line end shows a transport that rewrites line ends
# Numbers within 1e-150 .. 1e150 come to 550, their powers to so many times as much; 2**-units must not fill the memory.
LARGEST_UNIT = 1 << 16
HEAD = struct.Struct("<8sII")  # magic, bytes of the JSON header, bytes an entry
_as_json = json.JSONEncoder(separators=(",", ":")).encode  # made once: it takes as long to make as to use


def packed(
    columns: tuple[str, ...],
    numbers: Numbers,
    units: tuple[int, ...],
    sums: fmpz_mat,
    weighted_rows: int | None,
    weight_unit: int,
) -> bytes:
    """The bytes of moments: head, header, and the upper triangle row by row.

    The header is [columns, numbers, units], and of weighted moments [columns, numbers, units, weighted_rows, weight_unit].
    """
    # Row by row, for making and freeing a million objects in one call would keep other threads waiting.
    rows = [[int(entry) for entry in row] for row in upper_triangle(sums)]
    width = max(max(map(int.bit_length, row)) for row in rows) // 8 + 1
    weights = [] if weighted_rows is None else [weighted_rows, weight_unit]
    header = _as_json([columns, numbers, units, *weights]).encode()
    parts = [HEAD.pack(MAGIC, len(header), width), header]
    for at, row in enumerate(rows):
        rows[at] = []
        parts.append(b"".join([entry.to_bytes(width, "little", signed=True) for entry in row]))
    return b"".join(parts)


def unpacked(data: bytes) -> tuple[tuple[str, ...], Numbers, tuple[int, ...], fmpz_mat, int | None, int]:
    """What `packed` was given. Raises: ValueError: the bytes are not such."""
    if len(data) < HEAD.size:
        raise ValueError("not moments: too short")
    magic, header_size, width = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("not moments, or of another version")
    columns, numbers, units, weighted_rows, weight_unit = read_header(data[HEAD.size : HEAD.size + header_size])
    side = 1 + len(columns)
    start = HEAD.size + header_size
    if width < 1 or len(data) != start + width * (side * (side + 1) // 2):
        raise ValueError("moments of the wrong length")
    sums = symmetric(_triangle(data, start, width, side), side)
    if sums[0, 0] < 0:
        raise ValueError("moments of a negative number of rows")
    return columns, numbers, units, sums, weighted_rows, weight_unit


def _triangle(data: bytes, start: int, width: int, side: int) -> Iterator[list[fmpz]]:
    for n_entries in range(side, 0, -1):
        stop = start + n_entries * width
        yield [fmpz(int.from_bytes(data[at : at + width], "little", signed=True)) for at in range(start, stop, width)]
        start = stop


def read_header(header: bytes) -> tuple[tuple[str, ...], Numbers, tuple[int, ...], int | None, int]:
    """The columns, reading, units, weighted rows and weights' unit of a header. Raises: ValueError: it is not one."""
    try:
        parts = json.loads(header)
    except (ValueError, RecursionError):
        parts = None
    match parts:
        case [[*columns], ("float64" | "decimal") as numbers, [*units], *weights] if len(weights) in (0, 2):
            weighted_rows, weight_unit = weights or (None, 0)
            names = tuple(name for name in columns if isinstance(name, str))
            places = tuple(unit for unit in (*units, weight_unit) if type(unit) is int and abs(unit) <= LARGEST_UNIT)
            is_count = not weights or (type(weighted_rows) is int and weighted_rows >= 0)
            if is_count and len(names) == len(columns) == len(places) - 1 == len(units):
                return names, numbers, places[:-1], weighted_rows, weight_unit
    raise ValueError("moments with a header that is not one")
