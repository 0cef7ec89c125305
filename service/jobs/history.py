"""The epochs of mini-batch descents: what cannot be computed again without the rows is kept.

The newest epochs are in memory and land in the store a few times a second; after a crash they are simply run again, to the
same bits.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from service.jobs.state import NoSuchEpoch
from service.store.tables import Store, history, jobs

Floats = NDArray[np.float64]


class Recorder:
    """Records the states of one job's epochs, in order. One thread writes, others read."""

    def __init__(self, store: Store, job_id: str, first_epoch: int, every_s: float) -> None:
        self._store, self._job_id, self._every_s = store, job_id, every_s
        self._first_epoch = first_epoch
        self._states: list[Floats] = []
        self._saved_at = time.monotonic()
        self._lock = threading.Lock()

    def record(self, loss: float, theta: Floats) -> None:
        """Add the next epoch's state, and save if it is time."""
        with self._lock:
            self._states.append(np.concatenate([[loss], theta]))
        if time.monotonic() - self._saved_at >= self._every_s:
            self.save(lambda _: None)

    def save(self, also: Callable[[sa.Connection], object]) -> None:
        """Save all epochs so far in one transaction with `also`."""
        states = np.array(self._states)
        with self._store.write() as connection:
            if len(states):
                row = {"job_id": self._job_id, "first_epoch": self._first_epoch, "n_epochs": len(states)}
                connection.execute(sa.insert(history).values(**row, states=states.astype("<f8").tobytes()))
                last = self._first_epoch + len(states) - 1
                connection.execute(sa.update(jobs).where(jobs.c.id == self._job_id).values(epoch=last))
            also(connection)
        with self._lock:
            self._first_epoch += len(states)
            self._states = []
            self._saved_at = time.monotonic()

    def unsaved(self) -> tuple[int, Floats | None]:
        """The first epoch not saved yet, and the states from there."""
        with self._lock:
            return self._first_epoch, np.array(self._states) if self._states else None


def saved(store: Store, job_id: str, first: int, last: int) -> Floats:
    """The states of the epochs first to last that are saved, (k, 2 + p): loss, intercept, coefficients."""
    overlaps = history.c.first_epoch <= last, history.c.first_epoch + history.c.n_epochs > first
    query = sa.select(history).where(history.c.job_id == job_id, *overlaps).order_by(history.c.first_epoch)
    with store.read() as connection:
        runs = connection.execute(query).all()
    if not runs:
        return np.empty((0, 0))
    states = np.concatenate([np.frombuffer(run.states, "<f8").reshape(run.n_epochs, -1) for run in runs])
    skipped = max(first - runs[0].first_epoch, 0)
    return states[skipped : skipped + last - first + 1]


def states(store: Store, job_id: str, epochs: NDArray[np.int64], recorder: Recorder | None) -> Floats:
    """The states at epochs in rising order, (k, 2 + p), whether they are saved yet or not. Raises: NoSuchEpoch."""
    first, last = int(epochs[0]), int(epochs[-1])
    # The unsaved first: what is saved between the two look-ups is then found twice, not missed.
    tail_from, tail = (last + 1, None) if recorder is None else recorder.unsaved()
    pieces = [saved(store, job_id, first, min(last, tail_from - 1))] if first < tail_from else []
    if tail is not None:
        pieces.append(tail[max(first - tail_from, 0) :])
    found = [piece for piece in pieces if len(piece)]
    if sum(map(len, found)) <= last - first:
        raise NoSuchEpoch(last, None)
    return np.concatenate(found)[epochs - first]


class Saved(NamedTuple):
    """The state at the end of an epoch."""

    epoch: int
    loss: float
    theta: Floats


def last_two(store: Store, job_id: str) -> list[Saved]:
    """The last two saved epochs, in order; fewer if there are fewer. A descent goes on from the last."""
    query = sa.select(sa.func.max(history.c.first_epoch + history.c.n_epochs - 1)).where(history.c.job_id == job_id)
    with store.read() as connection:
        last: int | None = connection.execute(query).scalar()
    if last is None:
        return []
    states = saved(store, job_id, max(last - 1, 0), last)
    return [Saved(last - len(states) + 1 + i, float(state[0]), state[1:].copy()) for i, state in enumerate(states)]
