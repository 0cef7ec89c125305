"""Worker processes: they end with the service, however it ends, and can be lost without losing the service."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.durability.following import UNFINISHED, Event, ended, events, inline, job_of, made, model_of, post, until
from tests.durability.processes import children, is_alive, is_busy, workers
from tests.process import Service

LONG = 400  # features: some seconds of solving
AT_ONCE = {"Prefer": "wait=0"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("workers") / "data") as service:
        yield service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data") as service:
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


def test_a_worker_killed_during_a_solve_costs_only_its_time(shared: Service) -> None:
    """Promise: the job is solved by the worker that takes its place; the service and the next solve do not mind."""
    with shared.client() as client:
        job_id = long_fit(client)
        os.kill(worker_at_work(shared, client, job_id), signal.SIGKILL)
        assert model_of(client, ended(client, job_id))["n_features"] == LONG
        assert ended(client, made(post(client, "/fit", inline(60, 30), **AT_ONCE), 202)["id"])["state"] == "done"


def test_a_worker_killed_while_idle_costs_nothing(shared: Service) -> None:
    """Promise: a worker lost between two solves, to the kernel's out-of-memory killer say, is replaced."""
    with shared.client() as client:
        made(post(client, "/fit", inline(60, 30), Prefer="wait=60"))
        (worker,) = workers(shared.process.pid)
        os.kill(worker, signal.SIGKILL)
        until(lambda: not is_alive(worker), "the worker is gone")
        made(post(client, "/fit", inline(60, 30), Prefer="wait=60"))
        made(post(client, "/fit", inline(60, 30), Prefer="wait=60"))


def test_no_worker_outlives_a_killed_service(service: Service) -> None:
    """Promise: `kill -9` of the service ends its workers too, and not only when their solve is through."""
    with service.client() as client:
        worker = worker_at_work(service, client, long_fit(client))
    family = children(service.process.pid)
    os.kill(worker, signal.SIGSTOP)  # so that its solve does not end by itself
    service.kill()
    try:
        until(lambda: not any(map(is_alive, family)), "all processes of the service are gone", 20)
    finally:
        if is_alive(worker):
            os.kill(worker, signal.SIGKILL)


def test_sigterm_ends_the_service_and_its_jobs_go_on_after_the_next_start(service: Service) -> None:
    """Promise: a running descent, its open stream and a worker's solve do not hold up SIGTERM: exit 0, and nothing is lost."""
    with service.client() as client:
        descent = inline(4500, 2, method="gradient_descent", batch_size=50, epochs=100_000, random_state=1, learning_rate=1e-5)
        descending = made(post(client, "/fit", descent), 202)["id"]
        solving = long_fit(client)
        worker = worker_at_work(service, client, solving)
        with ThreadPoolExecutor(1) as threads:
            is_open = threading.Event()
            stream = threads.submit(read_stream, f"{service.url}/jobs/{descending}/events", is_open)
            assert is_open.wait(60)
            service.stop()
            seen = stream.result()
    assert service.process.returncode == 0
    assert "graceful shutdown exceeded" not in service.log()
    assert "Traceback" not in service.log()
    assert not is_alive(worker)
    assert seen[0][1] == "job"
    assert seen[-1][1] == "epoch", "a stream that did not come to its job's end must not say so"
    service.start()
    with service.client() as client:
        assert job_of(client, descending)["epoch"] > 0
        assert made(client.delete(f"/jobs/{descending}"), 202)["state"] == "cancelled"
        assert model_of(client, ended(client, solving))["n_features"] == LONG


def read_stream(url: str, is_open: threading.Event) -> list[Event]:
    """All events of a stream; `is_open` is set when its first line has come."""

    def lines(answer: httpx.Response) -> Iterator[str]:
        for line in answer.iter_lines():
            is_open.set()
            yield line

    with httpx.stream("GET", url, timeout=60, trust_env=False) as answer:
        return list(events(lines(answer)))
