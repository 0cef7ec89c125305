"""Rows fed by one thread and summed up by several."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.solver.errors import UnreadableNumber
from service.solver.moments import Moments
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation
from service.solver.threads import in_thread, n_threads

Floats = NDArray[np.float64]
RowOf = Callable[[int], int]

AT_ONCE = 1 << 19  # values handed to a thread: 4 MB, some 10 ms of work; half and double are slower, measured
MOST_LANES = 4  # sums kept side by side, each with memory of its own; what feeds them is slower than four
MOST_ENTRIES = 1 << 21  # of the sums of all lanes: two of 1,000 columns


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rows `first` and on of a block."""

    rows: Floats
    first: int
    row_of: RowOf  # where a row of the block stands in the whole


class ThreadedSummation:
    """As the summation that it is made of, in the threads of the process, and the same values whatever the threads.

    Rows go to lanes in turn, each a summation of its own that is handed one piece at a time: memory is bounded, `add` waits
    for a lane that is not done, and the first wrong piece is met first. Rows that fit one piece are summed up where the
    result is asked for.
    """

    def __init__(self, empty: Callable[[], Summation | TermSummation]) -> None:
        """Args: empty: makes a summation of no rows yet."""
        self._empty = empty
        self._lanes = [empty()]
        side = 1 + len(self.columns)
        self._most_lanes = max(1, min(n_threads(), MOST_LANES, MOST_ENTRIES // (side * side)))
        self._pieces: list[Piece] = []  # not yet handed over
        self._n_values = 0  # in them
        self._n_handed = 0
        self._under_way: deque[Future[None]] = deque()
        self.n_samples = 0  # rows given, done or not

    @property
    def columns(self) -> tuple[str, ...]:
        return self._lanes[0].columns

    def add(self, block: Floats, row_of: RowOf | None = None) -> None:
        """Take in rows, (n, q), which must not change any more. Columns that lie together in memory are the fastest.

        Args: row_of: where a row of this block stands in the whole, for messages; else rows are counted as they are given.
        Raises: as the summation's `add`, for the first wrong block given so far, this one or one before; or `result` does.
        """
        before = self.n_samples
        height, width = block.shape
        step = max(1, AT_ONCE // max(1, width))
        for first in range(0, height, step):
            rows = block[first : first + step]
            self._pieces.append(Piece(rows, first, row_of or (lambda row: before + row)))
            self._n_values += len(rows) * max(1, width)
            if self._n_values >= AT_ONCE:
                self._hand_over()
        self.n_samples += height

    def result(self) -> Moments:
        """The moments of the rows so far; more may be added after. Raises: as `add`, and as the summation's `result`."""
        while self._under_way:
            self._under_way.popleft().result()
        _add(self._lanes[self._n_handed % len(self._lanes)], self._taken())
        results = [in_thread(lane.result) for lane in self._lanes[1:]]
        return sum((result.result() for result in results), start=self._lanes[0].result())

    def _hand_over(self) -> None:
        if len(self._under_way) == self._most_lanes:
            self._under_way.popleft().result()
        place = self._n_handed % self._most_lanes
        if place == len(self._lanes):
            self._lanes.append(self._empty())
        self._under_way.append(in_thread(_add, self._lanes[place], self._taken()))
        self._n_handed += 1

    def _taken(self) -> list[Piece]:
        taken, self._pieces, self._n_values = self._pieces, [], 0
        return taken


def _add(lane: Summation | TermSummation, pieces: list[Piece]) -> None:
    for piece in pieces:
        before = lane.n_samples
        try:
            lane.add(piece.rows)
        except UnreadableNumber as error:
            row = piece.row_of(piece.first + error.row - before)
            raise type(error)(row, error.column, error.value) from None
