"""The table of jobs: values in, values out, each in the caller's connection."""

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from service.jobs.state import Job
from service.registry.design import Found
from service.registry.errors import NotFound
from service.registry.summing import Summed
from service.solver.moments import Moments
from service.store.additions import Row
from service.store.tables import UNFINISHED, Store, inline_rows, jobs

LIGHT = [column for column in jobs.c if column not in (jobs.c.moments, jobs.c.found)]


def row(job: Job, summed: Summed | None = None, rows_file: str | None = None, *, reads_rows: bool = False) -> Row:
    """What is to be kept of a new job.

    Args: summed: the moments it is a function of, if they are there and it has not ended. rows_file: of its own rows, if it
        has any. reads_rows: those of its data set, which may not go before it has ended.
    """
    return jobs, {
        "id": job.id,
        "state": job.state,
        "task": job.task.to_json(),
        **_values(summed),
        "rows_dataset_id": job.task.dataset_id if reads_rows else None,
        "rows_file": rows_file,
        "epoch": job.epoch,
        "model_id": job.model_id,
        "problem": None,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def begin(connection: sa.Connection, job_id: str) -> None:
    """Say that a job is running."""
    connection.execute(sa.update(jobs).where(jobs.c.id == job_id, jobs.c.state == "queued").values(state="running"))


def keep_summed(connection: sa.Connection, job_id: str, summed: Summed) -> None:
    """Keep what was made for a job: after a restart it need not read the rows again."""
    unfinished = jobs.c.id == job_id, jobs.c.state.in_(UNFINISHED)  # it may have been cancelled meanwhile
    connection.execute(sa.update(jobs).where(*unfinished).values(_values(summed)))


def _values(summed: Summed | None) -> dict[str, bytes | None]:
    if summed is None:
        return {"moments": None, "found": None}
    return {"moments": summed.moments.to_bytes(), "found": summed.found.to_json()}


def end(connection: sa.Connection, job: Job) -> bool:
    """Keep how a job ended, once: False if it had ended before. Only the path of a batch descent is made of moments again."""
    values: dict[str, Any] = {"state": job.state, "epoch": job.epoch, "model_id": job.model_id, "finished_at": job.finished_at}
    values |= {"problem": None if job.problem is None else orjson.dumps(job.problem), "rows_file": None}
    if job.task.descent is None or job.task.descent.batch_size is not None:
        values |= _values(None)
    if job.model_id is None:
        connection.execute(sa.delete(inline_rows).where(inline_rows.c.job_id == job.id))
    ended = sa.update(jobs).where(jobs.c.id == job.id, jobs.c.state.in_(UNFINISHED)).values(values)
    return bool(connection.execute(ended).rowcount)


def forget(connection: sa.Connection, job_id: str) -> None:
    """Forget a job and its history."""
    connection.execute(sa.delete(jobs).where(jobs.c.id == job_id))


def row_of(connection: sa.Connection, job_id: str) -> sa.Row[Any]:
    """What is kept of a job, its moments aside, which may be large. Raises: NotFound."""
    row = connection.execute(sa.select(*LIGHT).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound("job", job_id)
    return row


def summed_of(store: Store, job_id: str) -> Summed | None:
    """What a job is a function of, if it has been made. Raises: NotFound."""
    with store.read() as connection:
        row_of(connection, job_id)
        row = connection.execute(sa.select(jobs.c.moments, jobs.c.found).where(jobs.c.id == job_id)).one_or_none()
    if row is None or row.moments is None:
        return None
    return Summed(Moments.from_bytes(row.moments), Found.from_json(row.found))


def unfinished(store: Store) -> Sequence[Job]:
    """The jobs that have not ended, in the order they were made."""
    query = sa.select(*LIGHT).where(jobs.c.state.in_(UNFINISHED)).order_by(jobs.c.seq)
    with store.read() as connection:
        return [Job.of_row(row) for row in connection.execute(query)]


def files(store: Store) -> set[str]:
    """The row files that belong to jobs, of which those that have ended have none: the others are few, and found by index."""
    with store.read() as connection:
        query = sa.select(jobs.c.rows_file).where(jobs.c.state.in_(UNFINISHED), jobs.c.rows_file.is_not(None))
        return set(connection.execute(query).scalars())
