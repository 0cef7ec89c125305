"""What a range of rows has of each file: the steps between two places of its running sums, and a few rows at the ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.solver.running_sums import Places
from service.store.rows import Part

FEW_STEPS = 4  # a file of fewer has no running sums; a range of no more does not make them

Stretch = tuple[int, int]  # from a row up to but not including another


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows start to stop of a version, all of one file."""

    file: str
    places: Places
    shift: int  # the row of the version where row 0 of the file is, or would be
    start: int
    stop: int

    @property
    def inner(self) -> Stretch:
        """The rows of the file between the places nearest to its ends: they may be a few more than it has, or fewer."""
        first, last = (self.places.nearest(row - self.shift) for row in (self.start, self.stop))
        return self.places.row(first), self.places.row(last)

    @property
    def has_steps(self) -> bool:
        first, last = self.inner
        return self.places.n_steps >= FEW_STEPS and first < last

    @property
    def is_worth_a_pass(self) -> bool:
        """Whether it has so many rows that the whole file is read for its running sums rather than these alone."""
        first, last = self.inner
        return last - first > FEW_STEPS * self.places.step

    @property
    def all(self) -> list[Stretch]:
        """Its rows of the version."""
        return [(self.start, self.stop)]

    @property
    def lacking(self) -> list[Stretch]:
        """The rows of the version that it has and `inner` has not."""
        first, last = self.inner
        return [(self.start, first + self.shift), (last + self.shift, self.stop)]

    @property
    def surplus(self) -> list[Stretch]:
        """The rows of the version that `inner` has and it has not."""
        return [(stop, start) for start, stop in self.lacking]

    @property
    def steps(self) -> list[Stretch]:
        """The rows of the version from each place of the file to the next."""
        rows = [self.places.row(i) + self.shift for i in range(self.places.n_steps + 1)]
        return list(pairwise(rows))


def pieces(version: Sequence[Part], n_columns: int, start: int, stop: int) -> list[Piece]:
    """Rows start to stop of a version, file by file.

    Raises: ValueError: it has no such rows, or there are none.
    """
    found, first = [], 0
    for part in version:
        end = first + part.n_rows
        if max(first, start) < min(end, stop):
            places = Places.of(part.first_row, part.first_row + part.n_rows, n_columns)
            found.append(Piece(part.path.stem, places, first - part.first_row, max(first, start), min(end, stop)))
        first = end
    if not 0 <= start < stop <= first:
        raise ValueError(f"rows {start} to {stop} of {first}")
    return found


def joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Those that touch made one, empty ones left out: many small files are read like one."""
    found: list[Stretch] = []
    for start, stop in stretches:
        if start < stop:
            first = found.pop()[0] if found and found[-1][1] == start else start
            found.append((first, stop))
    return found
