"""Running sums: the moments of a file's rows up to each of many places, so that those between two places are one difference.

A tree of sums over blocks needs some 2 log2(n / block) additions for a range of rows: it is for sums that cannot be taken
apart again. Moments are exact, a - b loses nothing, and one subtraction does, whatever the length of the range. Measured on
1,050,000 rows x 10 columns of doubles, 257 places: 0.12 ms and 0.3 MB; the tree 0.6 ms (1.2 ms out of bytes) and 0.7 MB.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from flint import fmpz

from service.solver.blocks import BLOCK_ROWS
from service.solver.entries import symmetric, upper_triangle
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.units import BASE, Sums, in_units, in_weight_unit

MOST_PLACES = 4096
MOST_BYTES = 16 << 20  # of the sums of one file, about: of 1,000 columns a single place takes 12 MB
ENTRY_BYTES = 24  # of a sum of products of doubles that are not too far apart, about

MAGIC = b"LFRUN1\r\n"
HEAD = struct.Struct("<8sI")  # magic, bytes of the JSON header


@dataclass(frozen=True, slots=True)
class Places:
    """Rows of a file: `first`, every `step` rows from there, and the end."""

    first: int  # a multiple of step: rows before it are not summed
    n_rows: int  # of the file
    step: int

    @classmethod
    def of(cls, first_row: int, n_rows: int, n_columns: int) -> Places:
        """Places in rows first_row .. n_rows of a file, at most MOST_PLACES and fewer if the columns are many."""
        entries = (1 + n_columns) * (2 + n_columns) // 2
        most = max(1, min(MOST_PLACES, MOST_BYTES // (ENTRY_BYTES * entries)) - 1)
        step = BLOCK_ROWS
        while -(-n_rows // step) > most:
            step *= 2
        return cls(min(-(-first_row // step) * step, n_rows), n_rows, step)

    @property
    def n_steps(self) -> int:
        """How many steps; the last may be short. There is one place more."""
        return -(-(self.n_rows - self.first) // self.step)

    @property
    def n_summed(self) -> int:
        """How many rows are between the first place and the end."""
        return self.n_rows - self.first

    def have(self, other: Places) -> bool:
        """Whether all the places of `other` are among these."""
        return self.step == other.step and self.n_rows == other.n_rows and self.first <= other.first

    def row(self, place: int) -> int:
        """The row at a place: sums up to there are over the rows before it."""
        return min(self.first + place * self.step, self.n_rows)

    def nearest(self, row: int) -> int:
        """The place nearest to a row."""
        before = min(max(0, (row - self.first) // self.step), self.n_steps)
        after = min(before + 1, self.n_steps)
        return min(before, after, key=lambda place: abs(self.row(place) - row))


@dataclass(frozen=True, slots=True, eq=False)
class RunningSums:
    """The moments of the rows from the first place up to each other, a value.

    All are in common units, and each entry has one width at all places, wide enough for any difference: so a place is an
    integer, whose digits are the entries, and the difference of two places one subtraction.
    """

    places: Places
    columns: tuple[str, ...]
    numbers: Numbers
    units: tuple[int, ...]
    weight_unit: int | None  # None: rows have no weights
    widths: tuple[int, ...]  # bytes of each entry of the upper triangle; of weighted moments, of the number of rows first
    data: bytes  # places.n_steps + 1 times sum(widths), little-endian

    @classmethod
    def of(cls, steps: Iterable[Moments], places: Places) -> RunningSums:
        """Args: steps: the moments of the rows from each place to the next, at least one."""
        running = list(accumulate(steps))
        last = running[-1]
        numbers_at = [_entries(moments, last) for moments in running]
        numbers_at.insert(0, [0] * len(numbers_at[0]))
        spans = [max(values) - min(values) for values in zip(*numbers_at, strict=True)]
        widths = tuple(span.bit_length() // 8 + 1 for span in spans)
        halves = [1 << (8 * width - 1) for width in widths]
        data = b"".join(
            (value + half).to_bytes(width, "little")
            for values in numbers_at
            for value, half, width in zip(values, halves, widths, strict=True)
        )
        weight_unit = None if last.weighted_rows is None else last.weight_unit
        return cls(places, last.columns, last.numbers, last.units, weight_unit, widths, data)

    def between(self, start: int, stop: int) -> Moments:
        """The moments of rows start to stop of the file. Raises: ValueError: they are not two places in their order."""
        i, j = self.places.nearest(start), self.places.nearest(stop)
        if start > stop or (self.places.row(i), self.places.row(j)) != (start, stop):
            raise ValueError(f"running sums have no rows {start} to {stop}")
        zero = int.from_bytes(b"".join(b"\0" * (width - 1) + b"\x80" for width in self.widths), "little")
        difference = (self._at(j) - self._at(i) + zero).to_bytes(self._size, "little")
        ends = pairwise(accumulate(self.widths, initial=0))
        entries = [int.from_bytes(difference[a:b], "little") - (1 << (8 * (b - a) - 1)) for a, b in ends]
        weighted_rows = None if self.weight_unit is None else entries.pop(0)
        side = 1 + len(self.columns)
        rows = [entries[k * side - k * (k - 1) // 2 :][: side - k] for k in range(side)]
        sums = symmetric((map(fmpz, row) for row in rows), side)
        return Moments(self.columns, self.numbers, self.units, sums, weighted_rows, self.weight_unit or 0)

    @property
    def _size(self) -> int:
        """Bytes a place."""
        return sum(self.widths)

    def _at(self, place: int) -> int:
        size = self._size
        return int.from_bytes(self.data[place * size : (place + 1) * size], "little")

    def to_bytes(self) -> bytes:
        """A form that lasts."""
        places = [self.places.first, self.places.n_rows, self.places.step]
        what = [places, self.columns, self.numbers, self.units, self.weight_unit, self.widths]
        header = json.dumps(what, separators=(",", ":")).encode()
        return HEAD.pack(MAGIC, len(header)) + header + self.data

    @classmethod
    def from_bytes(cls, data: bytes) -> RunningSums:
        """What `to_bytes` wrote. Raises: ValueError: the bytes are not such."""
        if len(data) < HEAD.size or data[: len(MAGIC)] != MAGIC:
            raise ValueError("not running sums, or of another version")
        start = HEAD.size + HEAD.unpack_from(data)[1]
        places, columns, numbers, units, weight_unit, widths = json.loads(data[HEAD.size : start])
        made = cls(Places(*places), tuple(columns), numbers, tuple(units), weight_unit, tuple(widths), data[start:])
        if len(made.data) != (made.places.n_steps + 1) * made._size:
            raise ValueError("running sums of the wrong length")
        return made


def _entries(moments: Moments, like: Moments) -> list[int]:
    """The upper triangle in the units of others, which are as fine; of weighted moments, the number of rows first."""
    base = BASE[like.numbers]
    sums = in_weight_unit(Sums((0, *moments.units), moments.sums, moments.weight_unit), like.weight_unit, base)
    entries = [int(entry) for row in upper_triangle(in_units(sums, (0, *like.units), base)) for entry in row]
    return entries if moments.weighted_rows is None else [moments.weighted_rows, *entries]
