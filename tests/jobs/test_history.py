"""The epochs of mini-batch descents: found again whether they are saved yet or not, and only those asked for."""

from dataclasses import replace

import numpy as np
import pytest

from service.jobs import history, table
from service.jobs.history import Recorder
from service.jobs.state import Job, NoSuchEpoch
from service.registry.errors import NotFound
from service.store.tables import Store
from tests.jobs.conftest import Workshop
from tests.jobs.test_state import TASK
from tests.statements import heard

NEVER = 1e9


def recorded(store: Store, n_saved: int, n_unsaved: int) -> tuple[Job, Recorder]:
    """A job whose epoch k has loss k and theta (k, -k), saved in runs of three."""
    job = Job.new(replace(TASK, dataset_id=None))
    store.add([table.row(job)]).result()
    recorder = Recorder(store, job.id, 0, NEVER)
    for k in range(n_saved + n_unsaved):
        recorder.record(float(k), np.array([k, -k], dtype=float))
        if k < n_saved and (k % 3 == 2 or k == n_saved - 1):
            recorder.save(lambda _: None)
    return job, recorder


@pytest.mark.parametrize(
    "epochs", [[0], [9], [0, 1, 2, 3], [2, 3], [0, 5, 10], [11], [8, 9, 10, 11], list(range(12))], ids=str
)
@pytest.mark.parametrize("n_saved", [0, 1, 9, 10, 12])
def test_any_epochs_are_found_wherever_they_are(workshop: Workshop, n_saved: int, epochs: list[int]) -> None:
    """In one run, across runs, not saved yet, or across that border."""
    job, recorder = recorded(workshop.store, n_saved, 12 - n_saved)

    found = history.states(workshop.store, job.id, np.array(epochs), recorder)

    np.testing.assert_array_equal(found, [[k, k, -k] for k in epochs])


def test_an_epoch_that_was_not_reached_is_said_to_be_none(workshop: Workshop) -> None:
    """With the last one that was."""
    job, recorder = recorded(workshop.store, 5, 0)

    with pytest.raises(NoSuchEpoch) as refused:
        history.states(workshop.store, job.id, np.array([3, 4, 5]), recorder)
    assert (refused.value.epoch, refused.value.reached) == (5, 4)


def test_a_thinned_look_reads_only_the_runs_that_it_needs(workshop: Workshop) -> None:
    """A long job's history may be a GiB; six epochs of it are not."""
    job, _ = recorded(workshop.store, 300, 0)

    with heard(workshop.store) as asked:
        history.saved(workshop.store, job.id, np.array([0, 150, 299]))

    assert sum("SELECT job_history.states" in statement for statement in asked) == 3


def test_a_descent_goes_on_from_the_last_two_epochs_saved(workshop: Workshop) -> None:
    """Two, so that `tol` decides as if there had been no crash."""
    job, _ = recorded(workshop.store, 7, 2)

    assert [(saved.epoch, saved.loss) for saved in history.last_two(workshop.store, job.id)] == [(5, 5.0), (6, 6.0)]


def test_the_epochs_of_a_job_that_was_forgotten_are_not_kept(workshop: Workshop) -> None:
    """A job may be deleted while its thread is still stopping."""
    job, recorder = recorded(workshop.store, 3, 2)
    with workshop.store.write() as connection:
        table.forget(connection, job.id)

    recorder.save(lambda _: None)

    assert history.last_two(workshop.store, job.id) == []


def test_no_job_is_made_for_rows_that_were_deleted_just_now(workshop: Workshop) -> None:
    """Asked in the transaction that would make it."""
    with pytest.raises(NotFound):
        workshop.jobs.start(replace(TASK, dataset_id="ds_gone"), None)
