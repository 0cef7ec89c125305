"""The moments of any range of a data set's rows: from running sums of its row files, and a few rows read at the ends."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from service.registry.kept import Kept
from service.registry.pieces import Piece, joined, pieces
from service.registry.turns import Turns
from service.solver.moments import Moments
from service.solver.running_sums import Places, RunningSums
from service.store.rows import Part
from service.store.tables import Store, parts, running_sums

CAPACITY = 128 << 20  # bytes of running sums in memory
MOST_KEPT = 16  # choices of columns whose sums are kept of a file: there are more than there is disk
MOST_READ = 1 << 18  # rows summed before `progress` is told of them, and may stop it

SumRows = Callable[[int, int], Moments]
Progress = Callable[[int, int], None]  # rows read, rows in all; may raise to stop
Key = tuple[str, str]  # a file, and what is summed


class Ranges:
    """Moments of ranges of rows, over the store. Any thread may ask. A file never changes, so neither do its sums."""

    def __init__(self, store: Store, capacity: int = CAPACITY) -> None:
        """Args: capacity: bytes of running sums that stay in memory."""
        self._store = store
        self._kept = Kept[Key, RunningSums](capacity)
        self._turns = Turns()

    def moments(
        self,
        version: Sequence[Part],
        key: str,
        n_columns: int,
        rows: tuple[int, int],
        sum_rows: SumRows,
        progress: Progress,
    ) -> Moments:
        """The moments of rows a to b of a version.

        Running sums of a file are made in one pass when a range first needs them, and kept. From then on at most half a
        step is read at each end of the range, to be added or taken away, and of files of few steps whatever it has of them.

        Args:
            version: its parts, in order.
            key: stands for what is summed: always the same columns in the same order, and of a row by itself.
            n_columns: of the moments: of wide ones the steps are longer.
            rows: a, b.
            sum_rows: gives the moments of rows start to stop of the version, start < stop.
            progress: is told of rows read here, or by another request that is waited for.
        Raises: ValueError: there are no such rows; what `sum_rows` and `progress` raise.
        """
        more, less, stepped = [], [], []
        for piece in pieces(version, n_columns, *rows):
            running = self._known((piece.file, key), piece.places) if piece.has_steps else None
            if running is None and not (piece.has_steps and piece.is_worth_a_pass):
                more += piece.all
            else:
                more += piece.lacking
                less += piece.surplus
                stepped.append((piece, running))
        more, less = joined(more), joined(less)
        n_all = sum(b - a for a, b in more + less) + sum(piece.places.n_summed for piece, known in stepped if known is None)
        reading = _Reading(sum_rows, progress, n_all)
        found = [(known or self._made((piece.file, key), piece, reading)).between(*piece.inner) for piece, known in stepped]
        found += [reading.sum(a, b) for a, b in more]
        total = sum(found[1:], start=found[0])
        for a, b in less:
            total -= reading.sum(a, b)
        return total

    def forget(self, file: str) -> None:
        """Let go of what is in memory of a file that goes; what is in the store goes with the file."""
        self._kept.drop(lambda key: key[0] == file)

    def _known(self, key: Key, places: Places) -> RunningSums | None:
        running = self._kept.get(key)
        if running is None:
            with self._store.read() as connection:
                value = connection.execute(sa.select(running_sums.c.value).where(*_is(key))).scalar_one_or_none()
            if value is not None:
                running = RunningSums.from_bytes(value)
                self._kept.put(key, running, len(value))
        return running if running is not None and running.places.have(places) else None

    def _made(self, key: Key, piece: Piece, reading: "_Reading") -> RunningSums:
        """The running sums of a file, made here or by a request that came before."""
        with self._turns.of(key, while_waiting=lambda: reading.done(0)):
            running = self._known(key, piece.places)
            if running is not None:
                reading.done(piece.places.n_summed)
                return running
            running = RunningSums.of([reading.sum(a, b) for a, b in piece.steps], piece.places)
            self._keep(key, running)
            return running

    def _keep(self, key: Key, made: RunningSums) -> None:
        file, columns_key = key
        value = made.to_bytes()
        with self._store.write() as connection:
            # Of a file that went meanwhile nothing may stay.
            if connection.execute(sa.select(parts.c.file).where(parts.c.file == file).limit(1)).first() is not None:
                connection.execute(sa.delete(running_sums).where(*_is(key)))
                others = sa.select(sa.func.count()).select_from(running_sums).where(running_sums.c.file == file)
                if connection.execute(others).scalar_one() >= MOST_KEPT:  # nobody knows which is used least
                    connection.execute(sa.delete(running_sums).where(running_sums.c.file == file))
                row = {"file": file, "columns_key": columns_key, "value": value}
                connection.execute(sa.insert(running_sums).values(row))
        self._kept.put(key, made, len(value))


def _is(key: Key) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return running_sums.c.file == key[0], running_sums.c.columns_key == key[1]


class _Reading:
    """Sums rows, and says how far it is."""

    def __init__(self, sum_rows: SumRows, progress: Progress, n_all: int) -> None:
        self._sum_rows, self._progress, self._n_read, self._n_all = sum_rows, progress, 0, n_all

    def sum(self, start: int, stop: int) -> Moments:
        """The moments of rows start to stop of the version, start < stop."""
        total = self._piece(start, min(start + MOST_READ, stop))
        for at in range(start + MOST_READ, stop, MOST_READ):
            total += self._piece(at, min(at + MOST_READ, stop))
        return total

    def done(self, n_rows: int) -> None:
        self._n_read += n_rows
        self._progress(self._n_read, self._n_all)

    def _piece(self, start: int, stop: int) -> Moments:
        moments = self._sum_rows(start, stop)
        self.done(stop - start)
        return moments
