"""A job as a value: what follows what, and how far it is."""

from dataclasses import replace

import pytest

from service.jobs.state import Job
from service.jobs.task import Descent, Task
from service.registry.design import Design
from service.registry.idents import now

DESCENT = Descent(learning_rate="auto", epochs=200, tol=None, batch_size=32, random_state=7, on_divergence="error")
TASK = Task(
    design=Design(features=("a", "b"), target="y"),
    fit_intercept=True,
    l2=0.0,
    rank_deficient="error",
    numbers="float64",
    dataset_id="ds_1",
    dataset_version=2,
    descent=DESCENT,
)


def test_a_job_is_a_value() -> None:
    """Each step makes another job; the one before is as it was."""
    queued = Job.new(TASK)
    running = queued.running()
    reached = running.reached(50)

    assert (queued.state, queued.epoch, running.state, reached.epoch) == ("queued", 0, "running", 50)
    assert queued.id == reached.id


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_a_job_ends_in_one_of_three_ways(end: str) -> None:
    """Then it is finished, and the time is kept."""
    running = Job.new(TASK).running().reading(10, 100)

    ended = {
        "done": running.done("mdl_1", now()),
        "failed": running.failed({"status": 422}),
        "cancelled": running.cancelled(),
    }[end]

    assert ended.state == end
    assert ended.is_finished
    assert not running.is_finished
    assert ended.finished_at is not None
    assert ended.rows_read is None


def test_progress_is_a_share_of_epochs_or_of_rows() -> None:
    """From 0 to 1: of the rows while they are read, of the epochs after that; what is done is done, `tol` or not."""
    running = Job.new(TASK).running()

    assert running.progress == 0.0
    assert running.reading(25, 100).progress == 0.25
    assert running.reading(25, 100).reached(50).progress == 0.25
    assert running.reached(50).done("mdl_1", now()).progress == 1.0
    assert Job.new(replace(TASK, descent=None)).progress == 0.0


def test_a_task_comes_back_from_the_store_as_it_was() -> None:
    """All that must be known to do it again, whatever the method."""
    for task in (TASK, replace(TASK, descent=None), replace(TASK, descent=replace(DESCENT, learning_rate=1e-300, tol=0.1))):
        assert Task.from_json(task.to_json()) == task


def test_options_are_those_that_the_method_uses() -> None:
    """The normal equation has no learning rate to speak of."""
    assert "learning_rate" not in replace(TASK, descent=None).options()
    assert TASK.options()["random_state"] == 7
