"""A mini-batch descent goes on after `kill -9` as if nothing had been: every epoch, to the bit."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.durability.following import (
    Event,
    Json,
    columns,
    ended,
    events,
    inline,
    job_of,
    made,
    model_of,
    post,
    reached,
    row_files,
    story,
)
from tests.process import Service

OPTIONS = {"method": "gradient_descent", "random_state": 7, "learning_rate": 0.0005}
# Each some 1.5 s of work; the data set has more rows than one block, and the last batch of an epoch is short.
FITS: dict[str, Json] = {
    "of a data set": {"batch_size": 60, "epochs": 350},
    "inline": {"batch_size": 100, "epochs": 350},
    "one row at a time": {"batch_size": 1, "epochs": 200},
    "stopped by tol": {"batch_size": 60, "epochs": 100_000, "tol": 1e-5, "learning_rate": 1e-4},
}
FOLLOWED = "of a data set"
KILLS = [(FOLLOWED, 15), *((name, 40) for name in FITS)]  # when which fit has come to which epoch


@dataclass(frozen=True)
class Run:
    """What became of the fits: by their names, the job, its epochs as they are streamed, its model."""

    jobs: dict[str, Json]
    stories: dict[str, list[str]]
    models: dict[str, Json]
    files: set[str]  # left in the folder of rows, those of the data set aside
    followed: list[Event]  # the first fit's events, by one that resumed with Last-Event-ID


def data_set(client: httpx.Client) -> str:
    return str(made(post(client, "/datasets", columns(4700, 3)))["id"])


def started(client: httpx.Client, name: str, dataset: str) -> str:
    """The id of a fit, under way."""
    n_inline = {"inline": 5000, "one row at a time": 700}
    asked: Json = OPTIONS | FITS[name]
    of_dataset = {"dataset_id": dataset, "target": "y"} | asked
    body = inline(n_inline[name], 3, **asked) if name in n_inline else of_dataset
    return str(made(post(client, "/fit", body), 202)["id"])


def outcome(service: Service, client: httpx.Client, ids: dict[str, str], followed: list[Event]) -> Run:
    jobs = {name: ended(client, id_) for name, id_ in ids.items()}
    files = {file for file in row_files(service.folder) if not file.startswith("ds_")}
    models = {name: model_of(client, job) for name, job in jobs.items()}
    return Run(jobs, {name: story(client, id_) for name, id_ in ids.items()}, models, files, followed)


class Follower:
    """A client as browsers have it: when its stream breaks off, it goes on after the last event it has seen."""

    def __init__(self, job_id: str) -> None:
        self.seen: list[Event] = []
        self._job_id = job_id

    def follow(self, url: str) -> threading.Thread:
        thread = threading.Thread(target=self._follow, args=(url,))
        thread.start()
        return thread

    def _follow(self, url: str) -> None:
        last = [id_ for id_, _, _ in self.seen if id_ is not None][-1:]
        headers = {"Last-Event-ID": last[0]} if last else {}
        address = f"{url}/jobs/{self._job_id}/events"
        try:
            with httpx.stream("GET", address, headers=headers, timeout=60, trust_env=False) as answer:
                for event in events(answer.iter_lines()):
                    self.seen.append(event)
        except httpx.TransportError:
            pass  # it was killed


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with Service(tmp_path_factory.mktemp("calm") / "data") as service, service.client() as client:
        dataset = data_set(client)
        return outcome(service, client, {name: started(client, name, dataset) for name in FITS}, [])


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Killed while each fit is on its way, the first twice; those that have not ended by then are killed with it."""
    with Service(tmp_path_factory.mktemp("killed") / "data", checkpoint_s=0.15) as service:
        with service.client() as client:
            dataset = data_set(client)
            ids = {FOLLOWED: started(client, FOLLOWED, dataset)}
        follower = Follower(ids[FOLLOWED])
        for name, epoch in KILLS:
            following = follower.follow(service.url)
            with service.client() as client:
                if name not in ids:
                    ids[name] = started(client, name, dataset)
                reached(client, ids[name], epoch)
            service.kill()
            following.join()
            service.start()
        following = follower.follow(service.url)
        with service.client() as client:
            run = outcome(service, client, ids, follower.seen)
        following.join()
        yield run


@pytest.mark.parametrize("name", FITS)
def test_every_epoch_after_kills_is_that_of_an_uninterrupted_run(interrupted: Run, uninterrupted: Run, name: str) -> None:
    """Promise: epoch k draws its order from (random_state, k), so the resumed trajectory is the uninterrupted one to the bit."""
    assert interrupted.stories[name] == uninterrupted.stories[name]
    assert len(interrupted.stories[name]) == interrupted.jobs[name]["epoch"] + 1


@pytest.mark.parametrize("name", FITS)
def test_the_model_after_kills_is_that_of_an_uninterrupted_run(interrupted: Run, uninterrupted: Run, name: str) -> None:
    """Promise: coefficients, metrics and inference are the same bits; only ids and times differ."""
    assert interrupted.models[name] == uninterrupted.models[name]


def test_tol_stops_at_the_same_epoch_after_kills(interrupted: Run, uninterrupted: Run) -> None:
    """Promise: `tol` compares an epoch with the one before it, even when a kill came between the two."""
    assert interrupted.jobs["stopped by tol"]["epoch"] == uninterrupted.jobs["stopped by tol"]["epoch"] < 100_000
    assert interrupted.models["stopped by tol"]["descent"]["stopped_early"]


def test_the_rows_of_inline_fits_are_gone_when_the_fits_are_done(interrupted: Run, uninterrupted: Run) -> None:
    """Promise: a job keeps its own rows as long as it needs them, across kills, and no longer."""
    assert interrupted.files == uninterrupted.files == set()


def test_a_client_that_resumes_sees_every_epoch_once_and_in_order(interrupted: Run, uninterrupted: Run) -> None:
    """Promise: with Last-Event-ID a stream goes on after the kill where it broke off, even past what was saved by then."""
    assert [data for _, name, data in interrupted.followed if name == "epoch"] == uninterrupted.stories[FOLLOWED]
    assert interrupted.followed[-1][:2] == ("end", "done")


def test_a_fit_that_is_done_stays_done_and_readable_after_a_kill(tmp_path: Path) -> None:
    """Promise: a job that has ended does not run again: its epochs, its model and its end are those of before."""
    with Service(tmp_path / "data") as service:
        with service.client() as client:
            body = inline(50, 1, method="gradient_descent", batch_size=8, epochs=5, random_state=1)
            job = ended(client, made(post(client, "/fit", body), 202)["id"])
            before = story(client, job["id"]), client.get(f"/models/{job['model_id']}").content
        service.kill()
        service.start()
        with service.client() as client:
            assert job_of(client, job["id"]) == job
            assert (story(client, job["id"]), client.get(f"/models/{job['model_id']}").content) == before
