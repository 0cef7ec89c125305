"""The life of jobs in a process, seen from inside where HTTP cannot make it happen."""

import asyncio
import os
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from service.jobs.task import Descent, Task
from service.registry.design import Design, Found
from service.registry.summing import Summed
from service.solver.errors import Diverges
from service.solver.summation import Summation
from tests.jobs.conftest import Workshop
from tests.jobs.test_state import DESCENT


def task_of(n_features: int, descent: Descent | None) -> Task:
    features = tuple(f"x{j}" for j in range(n_features))
    return Task(
        design=Design(features=features, target="y"), fit_intercept=True, l2=0.0, rank_deficient="error", numbers="float64",
        dataset_id=None, dataset_version=None, descent=descent,
    )  # fmt: skip


def rows_of(n_features: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(0).normal(size=(4 * n_features + 8, n_features + 1))


def summed(task: Task) -> Summed:
    summation = Summation(task.design.columns)
    summation.add(rows_of(len(task.design.features)))
    return Summed(summation.result(), Found())


def test_a_wide_descent_at_a_rate_that_diverges_is_refused_before_there_is_a_job(workshop: Workshop) -> None:
    """The limit it names is stable itself, though it comes from float64 in milliseconds and not from balls."""
    task = task_of(30, replace(DESCENT, batch_size=None, random_state=None, learning_rate=100.0))
    moments = summed(task)

    with pytest.raises(Diverges) as refused:
        workshop.jobs.start(task, moments, None)

    limit = refused.value.largest_stable
    assert workshop.jobs.page(10, None).items == []
    at_limit = replace(DESCENT, batch_size=None, random_state=None, learning_rate=limit)
    workshop.jobs.start(replace(task, descent=at_limit), moments, None)


def test_a_failure_that_cannot_be_stored_is_a_failure_all_the_same(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up in the middle of a descent: whoever watches is told, and the next start takes the job up."""
    task = task_of(1, replace(DESCENT, batch_size=4, epochs=1_000_000))
    rows = rows_of(1)
    job = workshop.jobs.start(task, summed(task), {"x0": rows[:, 0], "y": rows[:, 1]}).job
    while workshop.jobs.get(job.id).epoch < 1:
        time.sleep(0.01)

    def full(_store: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.store.tables.Store.write", full)
    ended = asyncio.run(workshop.jobs.outcome(job.id, 20))

    assert ended.state == "failed"
    assert "No space left" in str(ended.problem)
    monkeypatch.undo()
    assert [listed.state for listed in workshop.jobs.page(10, None).items] == ["failed"]
    with workshop.store.read() as connection:
        assert connection.exec_driver_sql("SELECT state FROM jobs").scalar() == "running"
    assert list((workshop.jobs._work.rows_folder).iterdir()) != []
    assert workshop.jobs.cancel(job.id)
    assert workshop.jobs.get(job.id).state == "cancelled"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_jobs_give_way_to_what_answers(workshop: Workshop) -> None:
    """As uploads do: a descent takes no more than its share from them, and neither keeps a prediction waiting."""
    assert workshop.jobs._threads.submit(os.nice, 0).result() == min(os.nice(0) + 10, 19)
