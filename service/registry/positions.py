"""Where values lie in a sorted column: a range of its values is a range of rows."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

import numpy as np

from service.registry.errors import NotSorted
from service.registry.kept import Kept
from service.solver.blocks import BLOCK_ROWS
from service.store.rows import Part, Rows, floats

CAPACITY = 100_000  # columns of files
MOST_READ = 1 << 18  # rows looked through before `progress` is told of them, and may stop it

Progress = Callable[[int, int], None]  # rows read, rows in all; may raise to stop


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A column of a file that does not decrease from `first_row` to the end, where it is `last`."""

    first_row: int
    last: float


class Positions:
    """Positions of values in sorted columns. Any thread may ask. A file never changes, so it is looked through once."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Args: capacity: of how many columns of files it is remembered that they are sorted."""
        self._sorted = Kept[tuple[str, str], _Sorted](capacity)

    def between(self, rows: Rows, column: str, low: float, high: float, progress: Progress) -> tuple[int, int]:
        """The rows a to b that have low <= value < high, of a column of numbers or timestamps; a == b if there are none.

        The first time all rows of the column are read, then a block for each halving of their number.

        Args: low, high: may be infinite, not NaN.
        Raises: NotSorted: a value is less than the one before, or missing; what `progress` raises; as `Rows.block`.
        """
        self._require_sorted(rows, column, progress)
        start = _first_at_least(rows, column, low)
        return start, max(start, _first_at_least(rows, column, high))

    def _require_sorted(self, rows: Rows, column: str, progress: Progress) -> None:
        starts = list(accumulate((part.n_rows for part in rows.parts), initial=0))
        known = [self._known(part, column) for part in rows.parts]
        n_all = sum(part.n_rows for part, found in zip(rows.parts, known, strict=True) if found is None)
        n_read, last = 0, -inf
        for part, found, (start, stop) in zip(rows.parts, known, pairwise(starts), strict=True):
            if found is not None:  # its first row is held against the file before
                _last_of_sorted(rows, column, start, start + 1, last)
                last = found.last
                continue
            for at in range(start, stop, MOST_READ):
                end = min(at + MOST_READ, stop)
                last = _last_of_sorted(rows, column, at, end, last)
                n_read += end - at
                progress(n_read, n_all)
            self._sorted.put((part.path.stem, column), _Sorted(part.first_row, last))

    def _known(self, part: Part, column: str) -> _Sorted | None:
        found = self._sorted.get((part.path.stem, column))
        return found if found is not None and found.first_row <= part.first_row else None


def _last_of_sorted(rows: Rows, column: str, start: int, stop: int, last: float) -> float:
    """The last of rows start to stop, which do not decrease, nor from `last` to the first. Raises: NotSorted."""
    for batch in rows.batches(start, stop, [column]):
        values = floats(batch.column(0))
        is_wrong = ~(values >= np.concatenate([[last], values[:-1]]))  # a missing one, NaN, is not at least anything
        if is_wrong.any():
            raise NotSorted(column, start + int(is_wrong.argmax()))
        start, last = start + len(values), float(values[-1])
    return last


def _first_at_least(rows: Rows, column: str, value: float) -> int:
    """The first row of a sorted column whose value is not below another; the number of rows if there is none."""
    low, high, row = 0, rows.n_blocks, rows.n_rows
    while low < high:
        middle = (low + high) // 2
        block = rows.block(middle, [column])[:, 0]
        place = int(np.searchsorted(block, value))
        if place == len(block):
            low = middle + 1
        else:
            high, row = middle, middle * BLOCK_ROWS + place
    return row
