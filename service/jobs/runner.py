"""Running jobs: durable before they are spoken of, in threads, and taken up again after a restart."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from service.jobs import history, table
from service.jobs.active import Active
from service.jobs.state import Job, NoSuchEpoch, TooManyJobs
from service.jobs.task import Task
from service.jobs.watch import Watch
from service.jobs.work import Made, Work
from service.jobs.workers import Cancelled, is_short
from service.registry.datasets import require
from service.registry.fitted_rows import kept
from service.registry.models import Model, Models
from service.registry.observations import Columns
from service.registry.pages import Page, page_of
from service.registry.summing import Summed
from service.solver.threads import give_way
from service.store.additions import Row, insert
from service.store.tables import Store, jobs

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Also = Callable[[Job, sa.Connection], None]  # what else belongs into the transaction that makes a job


@dataclass(frozen=True, slots=True)
class Started:
    """A job, with its model if that was made at once; before `on_disk` is done, nobody may be told of them."""

    job: Job
    model: Model | None = None
    on_disk: "Future[None] | None" = None  # None: it is


class Jobs:
    """The jobs: those under way in this process, all others in the store."""

    def __init__(
        self,
        store: Store,
        models: Models,
        work: Work,
        describe: Callable[[Exception], dict[str, Any]],
        *,
        threads: int,
        max_unfinished: int,
    ) -> None:
        """Args: describe: an error as the problem that a client reads."""
        self.watch = Watch()
        self._store, self._models, self._work, self._describe = store, models, work, describe
        self._max_unfinished = max_unfinished
        self._threads = ThreadPoolExecutor(threads, "job", initializer=give_way)
        self._active: dict[str, Active] = {}
        self._unkept: dict[str, Job] = {}  # jobs whose end could not be stored
        self._lock = Lock()
        self._closing = Event()

    def start(
        self,
        task: Task,
        summed: Summed | None,
        inline: Columns | None = None,
        also: Also | None = None,
    ) -> Started:
        """Start a fit; what can be refused is refused before there is a job.

        A fit of microseconds is solved first: job and model are then kept in one transaction, for which this does not wait.

        Args: summed: None if it must be made from the rows of the data set. inline: the columns of the rows that came in the
            call, NaN for a missing cell; they are kept with the model if they are few.
        Raises: TooManyJobs, Diverges, and as the solver; NotFound: the version whose rows it needs is gone since just now.
        """
        if len(self._active) >= self._max_unfinished:
            raise TooManyJobs(self._max_unfinished)
        job = Job.new(task)
        is_short_fit = summed is not None and task.descent is None and is_short(summed.moments)
        if summed is not None and is_short_fit and self._work.reads_little(task, summed, inline):
            made = self._work.closed_form(job, summed, inline)
            model = made.model
            job = job.done(model.id, model.created_at)
            new = [table.row(job), *self._models.rows(model, summed.moments, made.meat), *_kept(job, inline)]
            return Started(job, model, self._store.add(new, None if also is None else partial(also, job)))
        if summed is not None:
            self._work.refuse(job, summed)
        self._keep(job, summed, inline, also)
        self._submit(job, summed, inline)
        return Started(job)

    def _keep(self, job: Job, summed: Summed | None, inline: Columns | None, also: Also | None) -> None:
        """On disk with a job that will take a while. Raises: NotFound."""
        task = job.task
        reads_rows = summed is None or task.reads_rows

        def keep(connection: sa.Connection) -> None:
            if reads_rows and task.dataset_id is not None:
                require(connection, task.dataset_id, task.dataset_version)
            if also is not None:
                also(job, connection)

        rows_file = None
        if inline is not None and summed is not None:
            rows_file = self._work.rows.keep(job, inline, len(summed.moments.columns))
        try:
            row = table.row(job, summed, rows_file, reads_rows=reads_rows)
            self._store.add([row, *_kept(job, inline)], keep).result()
        except BaseException:
            self._work.rows.forget(job.id)
            raise

    def get(self, id_: str) -> Job:
        """Raises: NotFound."""
        job = self.known(id_)
        if job is not None:
            return job
        with self._store.read() as connection:
            return Job.of_row(table.row_of(connection, id_))

    def known(self, id_: str) -> Job | None:
        """The job as this process knows it, where that is newer than the store. Takes no time."""
        with self._lock:
            active = self._active.get(id_)
            return self._unkept.get(id_) if active is None else active.job

    def page(self, limit: int, before: int | None) -> Page[Job]:
        """The newest jobs."""
        page = page_of(self._store, jobs, limit, before)
        return Page([self.known(row.id) or Job.of_row(row) for row in page.items], page.next)

    async def outcome(self, id_: str, within_s: float) -> Job:
        """The job when it has ended, or as it is after so many seconds. Raises: NotFound."""
        deadline = time.monotonic() + within_s
        with self.watch.on(id_) as waiter:
            while True:
                waiter.look()
                job = await asyncio.to_thread(self.get, id_)
                left = deadline - time.monotonic()
                if job.is_finished or left <= 0 or self.watch.is_over:
                    return job
                try:
                    await waiter.wait(left)
                except TimeoutError:
                    continue

    def cancel(self, id_: str) -> bool:
        """Stop a job that is unfinished, or forget one that has ended; True if it was stopped. Raises: NotFound."""
        with self._store.write() as connection:
            job = Job.of_row(table.row_of(connection, id_))
            if job.is_finished:
                table.forget(connection, id_)
            else:
                table.end(connection, job.cancelled())
        if job.is_finished:
            self._work.trajectories.forget(id_)
            return False
        with self._lock:
            self._unkept.pop(id_, None)
            active = self._active.get(id_)
            if active is not None:
                active.stop.set()
                self._work.solver.cancel(id_)
        if active is not None:
            active.change(Job.cancelled)
            if active.future is not None and active.future.cancel():
                self._let_go(active)
        self.watch.changed(id_)
        return True

    def states(self, job: Job, epochs: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Loss (k,) and theta (k, 1 + p) at epochs that were reached, in rising order. Raises: NoSuchEpoch."""
        if job.task.descent is None:
            raise NoSuchEpoch(int(epochs[-1]), None)
        if job.task.descent.batch_size is None:
            try:
                return self._work.trajectories.of(job).at(epochs)
            except Cancelled:
                raise NoSuchEpoch(int(epochs[-1]), job.epoch) from None
        active = self._active.get(job.id)
        states = history.states(self._store, job.id, epochs, None if active is None else active.recorder)
        return states[:, 0], states[:, 1:]

    def resume(self) -> None:
        """Take up the jobs that were unfinished when the process before this one ended."""
        for job in table.unfinished(self._store):
            log.info("taking up %s", job.id)
            self._submit(job)

    def close(self) -> None:
        """Stop working; what is unfinished goes on after the next start."""
        self._closing.set()
        with self._lock:
            active = list(self._active.values())
        for one in active:
            one.stop.set()
        self._work.solver.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _submit(self, job: Job, summed: Summed | None = None, inline: Columns | None = None) -> None:
        active = Active(job, self.watch, summed, inline)
        with self._lock:
            self._active[job.id] = active
        active.future = self._threads.submit(self._run, active)

    def _run(self, active: Active) -> None:
        id_ = active.job.id
        try:
            active.change(Job.running)
            with self._store.write() as connection:
                table.begin(connection, id_)
            summed = self._work.summed(active)
            self._done(active, self._work.fit(active, summed), summed)
        except Cancelled:
            # By a client: the store has it already, but not the last epochs, which may have been seen. By the end of the
            # process: the job goes on after the next start.
            if active.recorder is not None and not self._closing.is_set():
                active.recorder.save(lambda _: None)
        except Exception as error:  # noqa: BLE001 (whatever it was, the job says so)
            if not self._closing.is_set():
                self._failed(active, error)
        finally:
            self._let_go(active)
            self.watch.changed(id_)

    def _done(self, active: Active, made: Made, summed: Summed) -> None:
        model = made.model
        done = active.job.done(model.id, model.created_at)

        def keep(connection: sa.Connection) -> None:
            if not table.end(connection, done):
                raise Cancelled
            insert(connection, self._models.rows(model, summed.moments, made.meat))

        self._save(active, keep)
        active.change(lambda _: done)

    def _failed(self, active: Active, error: Exception) -> None:
        failed = active.job.failed(self._describe(error))
        try:
            self._save(active, lambda connection: table.end(connection, failed))
        except Exception:
            # As when the disk is full. The store says that the job is running: it is taken up at the next start.
            log.exception("%s failed, and that could not be kept", failed.id)
            with self._lock:
                self._unkept[failed.id] = failed
        active.change(lambda job: job if job.is_finished else failed)

    def _save(self, active: Active, keep: Callable[[sa.Connection], object]) -> None:
        """Keep how the job ended, with the epochs that are not saved yet."""
        if active.recorder is not None:
            active.recorder.save(keep)
        else:
            with self._store.write() as connection:
                keep(connection)

    def _let_go(self, active: Active) -> None:
        """The job is no longer this process's; its own rows go if it has ended, and stay if it will be taken up again."""
        with self._lock:
            self._active.pop(active.job.id, None)
        self._work.solver.forget(active.job.id)
        if active.job.is_finished and active.job.id not in self._unkept:
            self._work.rows.forget(active.job.id)


def _kept(job: Job, inline: Columns | None) -> list[Row]:
    return [] if inline is None else kept(job.id, inline, job.task.row_columns)
