"""A job as a value: where it stands. Deciding is here; storing and doing are the runner's."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import orjson
import sqlalchemy as sa

from service.jobs.task import Task
from service.registry.idents import new_id, now
from service.store.tables import UNFINISHED

State = Literal["queued", "running", "done", "failed", "cancelled"]


class JobError(Exception):
    """Something about a job that a client can be told."""


class TooManyJobs(JobError):
    """Too many jobs are waiting or running: try again when some have ended."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} jobs are unfinished, which is the limit"


class NoSuchEpoch(JobError):
    """The job has no such epoch, or has not reached it yet."""

    def __init__(self, epoch: int, reached: int | None) -> None:
        super().__init__(epoch, reached)
        self.epoch, self.reached = epoch, reached

    def __str__(self) -> str:
        if self.reached is None:
            return "the job has no epochs"
        return f"epoch {self.epoch} has not been reached; the last one is {self.reached}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A fit under way, or ended."""

    id: str
    state: State
    task: Task
    epoch: int  # the last epoch reached
    rows_read: tuple[int, int] | None  # of a pass over the rows under way: so many, of so many
    model_id: str | None
    problem: dict[str, Any] | None
    created_at: str
    finished_at: str | None

    @classmethod
    def new(cls, task: Task) -> Self:
        return cls(
            id=new_id("job"), state="queued", task=task, epoch=0, rows_read=None, model_id=None, problem=None,
            created_at=now(), finished_at=None,
        )  # fmt: skip

    @classmethod
    def of_row(cls, row: sa.Row[Any]) -> Self:
        problem = None if row.problem is None else orjson.loads(row.problem)
        return cls(
            id=row.id, state=row.state, task=Task.from_json(row.task), epoch=row.epoch, rows_read=None,
            model_id=row.model_id, problem=problem, created_at=row.created_at, finished_at=row.finished_at,
        )  # fmt: skip

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1."""
        if self.state == "done":
            return 1.0
        if self.rows_read is not None:
            return self.rows_read[0] / self.rows_read[1]
        return self.epoch / self.task.epochs if self.task.epochs else 0.0

    def running(self) -> Self:
        return self if self.is_finished else replace(self, state="running")

    def reading(self, n_read: int, n_rows: int) -> Self:
        return replace(self, rows_read=(n_read, n_rows))

    def reached(self, epoch: int) -> Self:
        return replace(self, epoch=epoch, rows_read=None)

    def done(self, model_id: str, at: str) -> Self:
        """At: when its model was made."""
        return replace(self, state="done", model_id=model_id, rows_read=None, finished_at=at)

    def failed(self, problem: dict[str, Any]) -> Self:
        return replace(self, state="failed", problem=problem, rows_read=None, finished_at=now())

    def cancelled(self) -> Self:
        return replace(self, state="cancelled", rows_read=None, finished_at=now())
