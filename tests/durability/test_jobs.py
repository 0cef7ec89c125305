"""Jobs of every kind go on after `kill -9`; what was cancelled or deleted stays so."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.durability.following import (
    Json,
    columns,
    ended,
    inline,
    job_of,
    made,
    model_of,
    numbers_of,
    post,
    reached,
    row_files,
    story,
)
from tests.process import Service

WIDE = {"max_upload_moments_columns": 8, "job_threads": 1}  # fits of wider data read the rows again; the rest waits in line
LONG_DESCENT = inline(4500, 2, method="gradient_descent", batch_size=50, epochs=100_000, random_state=1, learning_rate=1e-5)
AT_ONCE = {"Prefer": "wait=0"}


def asked(client: httpx.Client) -> dict[str, str]:
    """Jobs of every kind that takes a while, by what they are."""
    wide = made(post(client, "/datasets", columns(30_000, 14)))["id"]
    of_wide: Json = {"dataset_id": wide, "target": "y"}
    descent: Json = {"method": "gradient_descent", "epochs": 50}
    bodies: dict[str, bytes | Json] = {
        "a pass over the rows": of_wide,
        "a pass, then batch descent": of_wide | descent | {"features": [f"x{j}" for j in range(13)]},
        "a solve in a worker": inline(80, 40),
        "a solve in a worker of many rows": inline(5_000, 30),
        "robust errors of a data set": of_wide | {"cov_type": "HC3", "features": [f"x{j}" for j in range(13)]},
        "robust errors of many rows in the call": inline(10_000, 15, cov_type="HC2"),  # kept in a file of their own
        "robust errors of few": inline(2_800, 40, cov_type="cluster", cluster="x1"),
        "batch descent": inline(60, 20, **descent),
        "a pass, then mini-batch descent": of_wide | descent | {"epochs": 3, "batch_size": 500, "random_state": 3},
    }
    return {name: made(post(client, "/fit", body, **AT_ONCE), 202)["id"] for name, body in bodies.items()}


def told(client: httpx.Client, jobs: dict[str, str]) -> dict[str, tuple[Json, list[str]]]:
    """The model and the epochs of each job."""
    return {name: (model_of(client, ended(client, id_)), story(client, id_)) for name, id_ in jobs.items()}


def test_jobs_of_every_kind_queued_or_running_at_a_kill_come_to_their_end(tmp_path: Path) -> None:
    """Promise: every fit that was answered with 202 ends as it would have: the same numbers, the same epochs."""
    with Service(tmp_path / "calm", **WIDE) as service, service.client() as client:
        calm = told(client, asked(client))
    with Service(tmp_path / "killed", **WIDE) as service:
        with service.client() as client:
            jobs = asked(client)
        for _ in range(2):  # at once, and while they are taken up
            service.kill()
            service.start()
        with service.client() as client:
            assert told(client, jobs) == calm


def test_a_batch_descent_that_is_done_streams_the_same_epochs_after_a_kill(tmp_path: Path) -> None:
    """Promise: its epochs are a function of moments and options, so every client is told the same without a history."""
    with Service(tmp_path / "data") as service:
        with service.client() as client:
            body = inline(60, 20, method="gradient_descent", epochs=40)
            job = ended(client, made(post(client, "/fit", body), 202)["id"])
            before = story(client, job["id"])
            assert len(before) == 41
        service.kill()
        service.start()
        with service.client() as client:
            assert job_of(client, job["id"]) == job
            with ThreadPoolExecutor(3) as crowd:  # its path is computed for whoever comes first, or for each
                assert list(crowd.map(lambda _: story(client, job["id"]), range(3))) == [before] * 3


def test_a_job_that_was_cancelled_stays_cancelled_after_a_kill(tmp_path: Path) -> None:
    """Promise: the 202 of a cancellation is durable, running or still queued; nothing of the job is left at work."""
    with Service(tmp_path / "data", job_threads=1) as service:
        with service.client() as client:
            running, queued = (made(post(client, "/fit", LONG_DESCENT), 202)["id"] for _ in range(2))
            reached(client, running, 5)
            assert made(client.delete(f"/jobs/{queued}"), 202)["state"] == "cancelled"
            assert made(client.delete(f"/jobs/{running}"), 202)["state"] == "cancelled"
        service.kill()
        service.start()
        assert row_files(service.folder) == set()
        with service.client() as client:
            for id_ in (running, queued):
                job = job_of(client, id_)
                assert (job["state"], job["model_id"], job["problem"]) == ("cancelled", None, None)
            assert made(post(client, "/fit", inline(30, 2)))["n_features"] == 2


def test_what_was_deleted_stays_deleted_after_a_kill(tmp_path: Path) -> None:
    """Promise: the 204 of a deletion is durable: data set, rows, job and model are gone; a model outlives its data set."""
    with Service(tmp_path / "data") as service:
        with service.client() as client:
            dataset = made(post(client, "/datasets", columns(30, 2)))["id"]
            kept, forgotten = (made(post(client, "/fit", {"dataset_id": dataset, "target": "y"})) for _ in range(2))
            for url in (f"/datasets/{dataset}", f"/jobs/{kept['job_id']}", f"/models/{forgotten['id']}"):
                assert client.delete(url).status_code == 204
        service.kill()
        service.start()
        assert row_files(service.folder) == set()
        with service.client() as client:
            for url in (
                f"/datasets/{dataset}",
                f"/datasets/{dataset}/rows",
                f"/jobs/{kept['job_id']}",
                f"/models/{forgotten['id']}",
            ):
                assert client.get(url).status_code == 404, url
            after = made(client.get(f"/models/{kept['id']}"), 200)
            assert after["dataset_gone"]
            assert numbers_of(after) | {"dataset_gone": False} == numbers_of(kept)


@pytest.mark.parametrize("moment", ["running", "gone on after a kill"])
def test_a_data_set_that_a_job_reads_cannot_be_deleted(tmp_path: Path, moment: str) -> None:
    """Promise: 409 until the job has ended or is cancelled, by this process or the one before."""
    with Service(tmp_path / "data") as service:
        with service.client() as client:
            dataset = made(post(client, "/datasets", columns(4500, 2)))["id"]
            options = {"method": "gradient_descent", "batch_size": 50, "epochs": 100_000, "learning_rate": 1e-5}
            job = made(post(client, "/fit", {"dataset_id": dataset, "target": "y"} | options), 202)["id"]
            reached(client, job, 5)
        if moment != "running":
            service.kill()
            service.start()
        with service.client() as client:
            refused = client.delete(f"/datasets/{dataset}")
            assert (refused.status_code, refused.json()["type"]) == (409, "/problems/dataset-in-use")
            made(client.delete(f"/jobs/{job}"), 202)
            assert client.delete(f"/datasets/{dataset}").status_code == 204
            assert job_of(client, job)["state"] == "cancelled"
