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
        """Save all epochs so far in one transaction with `also`; of a job that was forgotten meanwhile, none."""
        states = np.array(self._states)
        with self._store.write() as connection:
            last = self._first_epoch + len(states) - 1
            kept = connection.execute(sa.update(jobs).where(jobs.c.id == self._job_id).values(epoch=last)).rowcount
            if len(states) and kept:
                row = {"job_id": self._job_id, "first_epoch": self._first_epoch, "n_epochs": len(states)}
                connection.execute(sa.insert(history).values(**row, states=states.astype("<f8").tobytes()))
            also(connection)
        with self._lock:
            self._first_epoch += len(states)
            self._states = []
            self._saved_at = time.monotonic()

    def unsaved(self, epochs: NDArray[np.int64]) -> tuple[int, list[Floats]]:
        """The first epoch not saved yet, and the states at those of the epochs that were reached since."""
        with self._lock:
            wanted = epochs[np.searchsorted(epochs, self._first_epoch) :] - self._first_epoch
            return self._first_epoch, [self._states[i] for i in wanted.tolist() if i < len(self._states)]


def saved(store: Store, job_id: str, epochs: NDArray[np.int64]) -> list[Floats]:
    """The states at these epochs, in rising order, as far as they are saved, run by run (m, 2 + p): loss, intercept, coefficients.

    Runs are read one at a time, and only those that hold an epoch asked for: a thinned stream of a long job stays small.
    """
    if not len(epochs):
        return []
    of_job = history.c.job_id == job_id
    overlaps = history.c.first_epoch <= int(epochs[-1]), history.c.first_epoch + history.c.n_epochs > int(epochs[0])
    spans = sa.select(history.c.first_epoch, history.c.n_epochs).where(of_job, *overlaps).order_by(history.c.first_epoch)
    states: list[Floats] = []
    with store.read() as connection:
        for first, n_epochs in connection.execute(spans).all():
            wanted = epochs[np.searchsorted(epochs, first) : np.searchsorted(epochs, first + n_epochs)]
            if len(wanted):
                run = connection.execute(sa.select(history.c.states).where(of_job, history.c.first_epoch == first)).scalar()
                if run is None:  # the job was forgotten just now
                    return states
                states.append(np.frombuffer(run, "<f8").reshape(n_epochs, -1)[wanted - first])
    return states


def states(store: Store, job_id: str, epochs: NDArray[np.int64], recorder: Recorder | None) -> Floats:
    """The states at epochs in rising order, (k, 2 + p), whether they are saved yet or not. Raises: NoSuchEpoch."""
    # The unsaved first: what is saved between the two look-ups is then found twice, not missed.
    tail_from, tail = (int(epochs[-1]) + 1, []) if recorder is None else recorder.unsaved(epochs)
    found = saved(store, job_id, epochs[epochs < tail_from])
    n_found = sum(map(len, found)) + len(tail)
    if n_found < len(epochs):
        raise NoSuchEpoch(int(epochs[-1]), int(epochs[0]) + n_found - 1)
    return np.concatenate([*found, np.array(tail)] if tail else found)


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
    states = [state for run in saved(store, job_id, np.arange(max(last - 1, 0), last + 1)) for state in run]
    return [Saved(last - len(states) + 1 + i, float(state[0]), state[1:].copy()) for i, state in enumerate(states)]
