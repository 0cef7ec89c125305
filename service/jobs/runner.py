"""Running jobs: durable before they are spoken of, in threads, and taken up again after a restart."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from service.jobs.batches import descend_by_batches
from service.jobs.fitting import Arrival, by_descent, by_normal_equation
from service.jobs.history import Recorder, saved
from service.jobs.solving import SHORT_SOLVE, Cancelled, Solver
from service.jobs.state import UNFINISHED, Job, NoSuchEpoch, TooManyJobs
from service.jobs.task import Descent, Task
from service.jobs.watch import Watch
from service.registry.datasets import Datasets
from service.registry.errors import NotFound
from service.registry.models import Model, Models
from service.registry.pages import Page, page_of
from service.solver.descent import Trajectory
from service.solver.errors import Diverges
from service.solver.moments import Moments
from service.store.rows import Part, PartWriter, Rows, path
from service.store.tables import Store, jobs

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Also = Callable[[sa.Connection, Job], None]
NOTICE_S = 0.02  # between two wake-ups of those who watch a job whose epochs are quick
CACHED_TRAJECTORIES = 64


@dataclass(slots=True, eq=False)
class _Active:
    """What the process knows of an unfinished job."""

    job: Job
    stop: Event = field(default_factory=Event)
    recorder: Recorder | None = None
    future: "Future[None] | None" = None
    noticed_at: float = 0.0


class Jobs:
    """The jobs: those under way in this process, all others in the store."""

    def __init__(
        self,
        store: Store,
        datasets: Datasets,
        models: Models,
        solver: Solver,
        rows_folder: Path,
        describe: Callable[[Exception], dict[str, Any]],
        *,
        threads: int,
        max_unfinished: int,
        checkpoint_s: float,
    ) -> None:
        self.watch = Watch()
        self._store, self._datasets, self._models, self._solver = store, datasets, models, solver
        self._rows_folder, self._describe = rows_folder, describe
        self._max_unfinished, self._checkpoint_s = max_unfinished, checkpoint_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._active: dict[str, _Active] = {}
        self._trajectories: OrderedDict[str, Trajectory] = OrderedDict()
        self._lock = Lock()
        self._closing = Event()

    # -- what requests ask for -------------------------------------------------------------------------------------------

    def start(self, task: Task, moments: Moments | None, rows: pa.RecordBatch | None, also: Also) -> Job:
        """Start a fit; what can be refused is refused before there is a job.

        Args: moments: None if they must be made from the rows of the data set. rows: those of an inline mini-batch fit.
            also: what else belongs into the transaction that makes the job.
        Raises: TooManyJobs, Diverges, and as the solver.
        """
        if len(self._active) >= self._max_unfinished:
            raise TooManyJobs(self._max_unfinished)
        job = Job.new(task)
        if moments is not None and task.descent is None and len(task.features) <= SHORT_SOLVE:
            return self._at_once(job, moments, also)
        if moments is not None and len(task.features) <= SHORT_SOLVE:
            self._solver.least_squares(moments, task.columns, task.fit_intercept, job.id)  # refuses what cannot be fitted
        if moments is not None and task.descent is not None and task.descent.batch_size is None:
            found = self._trajectory_of(job, moments)
            if found.diverges and task.descent.on_divergence == "error":
                raise Diverges(found.learning_rate, found.largest_stable)
        rows_file = None if rows is None else self._keep_rows(job.id, rows)
        with self._store.write() as connection:
            self._insert(connection, job, moments, rows_file)
            also(connection, job)
        self._submit(job)
        return job

    def get(self, id_: str) -> Job:
        """Raises: NotFound."""
        active = self._active.get(id_)
        return active.job if active is not None else Job.of_row(self._row(id_))

    def page(self, limit: int, before: int | None) -> Page[Job]:
        """The newest jobs."""
        page = page_of(self._store, jobs, limit, before)
        active = [self._active.get(row.id) for row in page.items]
        return Page([Job.of_row(row) if a is None else a.job for row, a in zip(page.items, active, strict=True)], page.next)

    async def outcome(self, id_: str, within_s: float) -> Job:
        """The job when it has ended, or as it is after so many seconds. Raises: NotFound."""
        deadline = time.monotonic() + within_s
        with self.watch.on(id_) as changed:
            while True:
                changed.clear()
                job = await asyncio.to_thread(self.get, id_)
                left = deadline - time.monotonic()
                if job.is_finished or left <= 0:
                    return job
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    continue

    def cancel(self, id_: str) -> bool:
        """Stop a job that is unfinished, or forget one that is not; True if it was stopped. Raises: NotFound."""
        with self._store.write() as connection:
            row = self._row(id_, connection)
            if row.state not in UNFINISHED:
                connection.execute(sa.delete(jobs).where(jobs.c.id == id_))
                stopped = False
            else:
                stopped = self._end(connection, Job.of_row(row).cancelled())
        if not stopped:
            with self._lock:
                self._trajectories.pop(id_, None)
            return False
        active = self._active.get(id_)
        if active is not None:
            active.stop.set()
            self._solver.cancel(id_)
            if active.future is not None and active.future.cancel():
                self._forget_active(id_)
        self.watch.changed(id_)
        return True

    def states(self, job: Job, epochs: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Loss (k,) and theta (k, 1 + p) at epochs that were reached, in rising order. Raises: NoSuchEpoch."""
        if job.task.descent is None or not len(epochs):
            raise NoSuchEpoch(0, None)
        if job.task.descent.batch_size is None:
            return self._trajectory_of(job, None).at(epochs)
        first, last = int(epochs[0]), int(epochs[-1])
        active = self._active.get(job.id)
        # The unsaved first: what is saved between the two look-ups is then found twice and not missed.
        tail_from, tail = (last + 1, None) if active is None or active.recorder is None else active.recorder.unsaved()
        found = saved(self._store, job.id, first, min(last, tail_from - 1)) if first < tail_from else None
        pieces = [
            piece
            for piece in (found, None if tail is None else tail[max(first - tail_from, 0) :])
            if piece is not None and len(piece)
        ]
        states = np.concatenate(pieces) if pieces else np.empty((0, 2))
        if len(states) <= last - first:
            raise NoSuchEpoch(last, job.epoch)
        chosen = states[epochs - first]
        return chosen[:, 0], chosen[:, 1:]

    # -- the life of a process -------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Take up the jobs that were unfinished when the process before this one died."""
        query = sa.select(jobs).where(jobs.c.state.in_(UNFINISHED)).order_by(jobs.c.seq)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            log.info("taking up %s", row.id)
            self._submit(Job.of_row(row))

    def close(self) -> None:
        """Stop working; what is unfinished goes on after the next start."""
        self._closing.set()
        with self._lock:
            active = list(self._active.values())
        for one in active:
            one.stop.set()
        self._solver.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def files(self) -> set[str]:
        """The row files that belong to jobs."""
        with self._store.read() as connection:
            files = connection.execute(sa.select(jobs.c.rows_file).where(jobs.c.rows_file.is_not(None)))
            return set(files.scalars())

    # -- the work --------------------------------------------------------------------------------------------------------

    def _submit(self, job: Job) -> None:
        active = _Active(job)
        with self._lock:
            self._active[job.id] = active
        active.future = self._threads.submit(self._run, active)

    def _run(self, active: _Active) -> None:
        id_ = active.job.id
        try:
            self._change(active, active.job.running())
            with self._store.write() as connection:
                connection.execute(sa.update(jobs).where(jobs.c.id == id_, jobs.c.state == "queued").values(state="running"))
            self._fit(active)
        except Cancelled:
            pass  # by a client: the store has it already; by the end of the process: it goes on after the next start
        except Exception as error:  # noqa: BLE001 (whatever it was, the job says so)
            if not self._closing.is_set():
                self._fail(active, error)
        finally:
            self._forget_active(id_)
            self.watch.changed(id_)

    def _fit(self, active: _Active) -> None:
        job, started = active.job, time.monotonic()
        task, moments = job.task, self._moments(active)
        fit = self._solver.least_squares(moments, task.columns, task.fit_intercept, job.id)
        if task.descent is None:
            model = by_normal_equation(task, fit, job.id, _ms_since(started))
        else:
            arrival = (self._descend if task.descent.batch_size is None else self._descend_by_batches)(
                active, task.descent, moments
            )
            if not np.isfinite([arrival.loss, *arrival.theta]).all():
                raise Diverges(arrival.learning_rate, arrival.largest_stable)
            model = by_descent(task, moments, fit, arrival, job.id, _ms_since(started))
        self._finish(active, model, moments)

    def _moments(self, active: _Active) -> Moments:
        """The job's moments; made from the rows, and kept with it, if they are not there yet."""
        job = active.job
        value = self._row(job.id).moments
        if value is not None:
            return Moments.from_bytes(value)

        def progress(n_read: int, n_rows: int) -> None:
            if active.stop.is_set():
                raise Cancelled
            self._change(active, job.reading(n_read, n_rows))

        assert job.task.dataset_id is not None  # noqa: S101 (an inline fit brings its moments)
        dataset = self._datasets.get(job.task.dataset_id, job.task.dataset_version)
        moments = self._datasets.summed(dataset, job.task.columns) or self._datasets.sum_up(
            dataset, job.task.columns, progress
        )
        with self._store.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(moments=moments.to_bytes()))
        return moments

    def _descend(self, active: _Active, descent: Descent, moments: Moments) -> Arrival:
        found = self._trajectory_of(active.job, moments)
        if found.diverges and descent.on_divergence == "error":
            raise Diverges(found.learning_rate, found.largest_stable)
        epoch = descent.epochs if descent.tol is None else found.stop(descent.tol, descent.epochs)
        loss, theta = found.at(np.array([epoch]))
        self._change(active, active.job.reached(epoch))
        return Arrival(
            epoch=epoch, loss=float(loss[0]), theta=theta[0], learning_rate=found.learning_rate,
            largest_stable=found.largest_stable, diverges=found.diverges,
        )  # fmt: skip

    def _descend_by_batches(self, active: _Active, descent: Descent, moments: Moments) -> Arrival:
        task, id_ = active.job.task, active.job.id

        def open_recorder(first_epoch: int) -> Recorder:
            active.recorder = Recorder(self._store, id_, first_epoch, self._checkpoint_s)
            return active.recorder

        def reached(epoch: int) -> None:
            self._change(active, active.job.reached(epoch))

        rows = self._rows(active.job, moments.n_samples)
        return descend_by_batches(
            task, descent, moments, rows, self._store, id_, open_recorder, lambda: not active.stop.is_set(), reached
        )

    def _rows(self, job: Job, n_rows: int) -> Rows:
        file = self._row(job.id).rows_file
        if file is not None:
            return Rows([Part(path(self._rows_folder, file), n_rows)])
        assert job.task.dataset_id is not None  # noqa: S101
        assert job.task.dataset_version is not None  # noqa: S101
        return self._datasets.rows(job.task.dataset_id, job.task.dataset_version)

    def _trajectory_of(self, job: Job, moments: Moments | None) -> Trajectory:
        """The path of a batch descent: a function of the moments and the options, so it is computed and not stored."""
        with self._lock:
            found = self._trajectories.get(job.id)
            if found is not None:
                self._trajectories.move_to_end(job.id)
                return found
        task = job.task
        assert task.descent is not None  # noqa: S101
        if moments is None:
            value = self._row(job.id).moments
            if value is None:
                raise NoSuchEpoch(0, None)
            moments = Moments.from_bytes(value)
        found = self._solver.trajectory(moments, task.columns, task.fit_intercept, task.descent.learning_rate, job.id)
        with self._lock:
            self._trajectories[job.id] = found
            while len(self._trajectories) > CACHED_TRAJECTORIES:
                self._trajectories.popitem(last=False)
        return found

    # -- how a job ends --------------------------------------------------------------------------------------------------

    def _at_once(self, job: Job, moments: Moments, also: Also) -> Job:
        """A fit of microseconds: solved first, then kept, job and model in one transaction."""
        started = time.monotonic()
        fit = self._solver.least_squares(moments, job.task.columns, job.task.fit_intercept, job.id)
        model = by_normal_equation(job.task, fit, job.id, _ms_since(started))
        done = job.done(model.id)
        with self._store.write() as connection:
            self._insert(connection, done, moments, None)
            self._models.add(connection, model, moments)
            also(connection, done)
        return done

    def _finish(self, active: _Active, model: Model, moments: Moments) -> None:
        done = active.job.done(model.id)

        def also(connection: sa.Connection) -> None:
            if not self._end(connection, done):
                raise Cancelled
            self._models.add(connection, model, moments)

        if active.recorder is not None:
            active.recorder.save(also)
        else:
            with self._store.write() as connection:
                also(connection)
        self._change(active, done)

    def _fail(self, active: _Active, error: Exception) -> None:
        problem = self._describe(error)
        failed = active.job.failed(problem)
        if active.recorder is not None:
            active.recorder.save(lambda connection: self._end(connection, failed))
        else:
            with self._store.write() as connection:
                self._end(connection, failed)
        self._change(active, failed)

    def _end(self, connection: sa.Connection, job: Job) -> bool:
        """Store how a job ended, once: False if it had ended before."""
        values: dict[str, Any] = {
            "state": job.state,
            "epoch": job.epoch,
            "model_id": job.model_id,
            "finished_at": job.finished_at,
        }
        values |= {"problem": None if job.problem is None else orjson.dumps(job.problem), "rows_file": None}
        ended = sa.update(jobs).where(jobs.c.id == job.id, jobs.c.state.in_(UNFINISHED)).values(values)
        return bool(connection.execute(ended).rowcount)

    # -- small things ----------------------------------------------------------------------------------------------------

    def _insert(self, connection: sa.Connection, job: Job, moments: Moments | None, rows_file: str | None) -> None:
        task = job.task
        reads_rows = moments is None or (
            task.descent is not None and task.descent.batch_size is not None and rows_file is None
        )
        row = {
            "id": job.id,
            "state": job.state,
            "task": task.to_json(),
            "moments": None if moments is None else moments.select(task.columns).to_bytes(),
            "rows_dataset_id": task.dataset_id if reads_rows else None,
            "rows_file": rows_file,
            "epoch": job.epoch,
            "model_id": job.model_id,
            "created_at": job.created_at,
            "finished_at": job.finished_at,
        }
        connection.execute(sa.insert(jobs).values(row))

    def _keep_rows(self, job_id: str, rows: pa.RecordBatch) -> str:
        with PartWriter(self._rows_folder, job_id) as writer:
            writer.write(rows)
            return writer.commit().stem

    def _change(self, active: _Active, job: Job) -> None:
        active.job = job
        at = time.monotonic()
        if job.is_finished or at - active.noticed_at >= NOTICE_S:
            active.noticed_at = at
            self.watch.changed(job.id)

    def _forget_active(self, id_: str) -> None:
        with self._lock:
            self._active.pop(id_, None)
        path(self._rows_folder, id_).unlink(missing_ok=True) if not self._closing.is_set() else None

    def _row(self, id_: str, connection: sa.Connection | None = None) -> sa.Row[Any]:
        query = sa.select(jobs).where(jobs.c.id == id_)
        if connection is not None:
            row = connection.execute(query).one_or_none()
        else:
            with self._store.read() as reading:
                row = reading.execute(query).one_or_none()
        if row is None:
            raise NotFound("job", id_)
        return row


def _ms_since(started: float) -> float:
    return (time.monotonic() - started) * 1e3
