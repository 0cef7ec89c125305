"""Moments as bytes: a magic, a JSON header, and the upper triangle as signed little-endian integers of one width."""

import json
import struct
from itertools import pairwise

from flint import fmpz_mat

from service.solver.reading import Numbers

MAGIC = b"LFMOM1\r\n"  # the line end shows a transport that rewrites line ends
LARGEST_UNIT = 4096  # twice what numbers within 1e-150 .. 1e150 can come to; 2**-units must not fill the memory
HEAD = struct.Struct("<8sII")  # magic, bytes of the JSON header, bytes an entry


def packed(columns: tuple[str, ...], numbers: Numbers, units: tuple[int, ...], sums: fmpz_mat) -> bytes:
    """The bytes of moments: head, header (columns, numbers, units), and the upper triangle row by row."""
    entries = [int(entry) for i, row in enumerate(sums.tolist()) for entry in row[i:]]
    width = max(entry.bit_length() for entry in entries) // 8 + 1
    header = json.dumps([columns, numbers, units], separators=(",", ":")).encode()
    return b"".join(
        [HEAD.pack(MAGIC, len(header), width), header, *(entry.to_bytes(width, "little", signed=True) for entry in entries)]
    )


def unpacked(data: bytes) -> tuple[tuple[str, ...], Numbers, tuple[int, ...], fmpz_mat]:
    """What `packed` was given. Raises: ValueError: the bytes are not such."""
    if len(data) < HEAD.size:
        raise ValueError("not moments: too short")
    magic, header_size, width = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("not moments, or of another version")
    columns, numbers, units = read_header(data[HEAD.size : HEAD.size + header_size])
    side = 1 + len(columns)
    start = HEAD.size + header_size
    if width < 1 or len(data) != start + width * (side * (side + 1) // 2):
        raise ValueError("moments of the wrong length")
    places = range(start, len(data) + 1, width)
    triangle = [int.from_bytes(data[a:b], "little", signed=True) for a, b in pairwise(places)]
    rows = [triangle[i * side - i * (i - 1) // 2 :][: side - i] for i in range(side)]
    full = [[rows[min(i, j)][abs(i - j)] for j in range(side)] for i in range(side)]
    if full[0][0] < 0:
        raise ValueError("moments of a negative number of rows")
    return columns, numbers, units, fmpz_mat(full)


def read_header(header: bytes) -> tuple[tuple[str, ...], Numbers, tuple[int, ...]]:
    """The columns, reading and units of a header. Raises: ValueError: it is not one."""
    try:
        parts = json.loads(header)
    except (ValueError, RecursionError):
        parts = None
    match parts:
        case [[*columns], ("float64" | "decimal") as numbers, [*units]]:
            names = tuple(name for name in columns if isinstance(name, str))
            places = tuple(unit for unit in units if type(unit) is int and abs(unit) <= LARGEST_UNIT)
            if len(names) == len(columns) == len(places) == len(units):
                return names, numbers, places
    raise ValueError("moments with a header that is not one")
