"""Worker processes: a long solve is theirs, holds up nobody, and can be cancelled."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.durability.following import UNFINISHED, ended, inline, job_of, made, post, until
from tests.durability.processes import is_alive, is_busy, workers
from tests.process import Service

LONG = 400  # features: some seconds of solving
AT_ONCE = {"Prefer": "wait=0"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("workers") / "data") as service:
        yield service


def long_fit(client: httpx.Client) -> str:
    """The id of a job whose solve takes a worker some seconds; the worker has started, as it has solved another."""
    made(post(client, "/fit", inline(60, 30), Prefer="wait=60"))
    return str(made(post(client, "/fit", inline(LONG + 50, LONG), **AT_ONCE), 202)["id"])


def worker_at_work(service: Service, client: httpx.Client, job_id: str) -> int:
    """The worker, once it computes for this job."""
    (worker,) = workers(service.process.pid)
    busy = 0
    while busy < 5:
        busy = busy + 1 if is_busy(worker) else 0
        time.sleep(0.01)
        assert job_of(client, job_id)["state"] in UNFINISHED, "the solve ended before it could be interrupted"
    return worker


def test_predictions_answer_while_a_worker_solves(shared: Service) -> None:
    """Promise: a long solve is another process's: small fits and predictions do not wait for it."""
    with shared.client() as client:
        small = made(post(client, "/fit", {"X": [[0.0], [1.0], [2.0]], "y": [1.0, 3.0, 5.0]}))
        job_id = long_fit(client)
        worker_at_work(shared, client, job_id)
        for x in range(20):
            answer = made(post(client, "/predict", {"model_id": small["id"], "X": [[float(x)]]}), 200)
            assert answer["predictions"] == [1.0 + 2.0 * x]
        assert job_of(client, job_id)["state"] == "running"
        assert ended(client, job_id)["state"] == "done"


def test_cancelling_ends_the_solve_and_the_next_one_works(shared: Service) -> None:
    """Promise: DELETE on a job drops its solve: the worker is ended, another takes its place."""
    with shared.client() as client:
        job_id = long_fit(client)
        worker = worker_at_work(shared, client, job_id)
        assert made(client.delete(f"/jobs/{job_id}"), 202)["state"] == "cancelled"
        until(lambda: not is_alive(worker), "the worker is ended")
        assert ended(client, made(post(client, "/fit", inline(60, 30), **AT_ONCE), 202)["id"])["state"] == "done"
        assert job_of(client, job_id)["state"] == "cancelled"
        assert job_of(client, job_id)["model_id"] is None
