"""Jobs: every fit is one. Their states, waiting for them, stopping and forgetting them, and any one epoch."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import LINE, descent, endless, many_rows, ok, refused
from tests.api.sse import EVENT_STREAM, all_events, events

DESCENT: dict[str, Any] = {"X": [[x] for x in LINE["x"]], "y": LINE["price"], "method": "gradient_descent"}


@pytest.fixture(scope="module")
def rows_id(client: httpx.Client) -> str:
    """A data set whose epochs take a while."""
    return many_rows(client)


def test_a_descent_answers_with_its_job(client: httpx.Client) -> None:
    """202 at once, a Location that shows the job, where its events are, and every option filled in."""
    answer = client.post("/fit", json=DESCENT | {"epochs": 50, "learning_rate": 0.1})

    job = ok(answer, 202)
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert job["events"] == f"/jobs/{job['id']}/events"
    assert (job["method"], job["epochs"], job["state"] in ("queued", "running")) == ("gradient_descent", 50, True)
    assert all_events(client, job["events"])[-1].name == "done"
    ended = ok(client.get(answer.headers["location"]), 200)
    assert (ended["state"], ended["epoch"], ended["progress"], ended["problem"]) == ("done", 50, 1.0, None)
    assert ended["finished_at"] >= ended["created_at"]
    model = ok(client.get(f"/models/{ended['model_id']}"), 200)
    assert (model["job_id"], model["options"]) == (job["id"], job["options"])


def test_prefer_wait_answers_with_the_model_if_it_is_ready(client: httpx.Client) -> None:
    """`Prefer: wait=N` waits so many seconds for a descent: 201 with the model; `wait=0` does not wait for any fit."""
    answer = client.post("/fit", json=DESCENT | {"epochs": 50}, headers={"Prefer": "respond-async, wait=10"})
    assert ok(answer)["descent"]["epoch"] == 50
    assert answer.headers["location"] == f"/models/{answer.json()['id']}"

    at_once = client.post("/fit", json={k: v for k, v in DESCENT.items() if k != "method"}, headers={"Prefer": "wait=0"})

    assert ok(client.get(at_once.headers["location"]), 200)["method"] == "normal_equation"
    assert at_once.status_code == 202


def test_a_wait_that_is_over_answers_with_the_job(small: httpx.Client) -> None:
    """Whoever asks for more waits as long as the limit has it, 1 s here; the job goes on."""
    id_ = many_rows(small)
    with endless(small, id_):  # the one thread for jobs is taken
        answer = small.post("/fit", json=DESCENT | {"epochs": 50}, headers={"Prefer": "wait=600"})
        job = ok(answer, 202)
        assert job["state"] == "queued"

    assert all_events(small, job["events"])[-1].name == "done"


def test_jobs_are_listed_newest_first(client: httpx.Client) -> None:
    """Paged like every list."""
    made = [descent(client, 5).removeprefix("/jobs/") for _ in range(3)]

    page = client.get("/jobs", params={"limit": 2})

    assert [job["id"] for job in ok(page, 200)["items"]] == made[:0:-1]
    assert ok(client.get(page.links["next"]["url"]), 200)["items"][0]["id"] == made[0]


def test_a_running_job_says_how_far_it_is(client: httpx.Client, rows_id: str) -> None:
    """State, epoch and progress move on; epochs that were reached can be read, and those that were not are 404."""
    with endless(client, rows_id) as url, client.stream("GET", f"{url}/events") as stream:
        reached = next(event.data["epoch"] for event in events(stream.iter_lines()) if event.id == "2")
        job = ok(client.get(url), 200)

        assert (job["state"], job["model_id"], job["finished_at"]) == ("running", None, None)
        assert reached <= job["epoch"] < 900
        assert job["progress"] == job["epoch"] / 900
        assert ok(client.get(f"{url}/epochs/2"), 200)["epoch"] == 2
        problem = refused(client.get(f"{url}/epochs/900"), 404, "no-such-epoch")
        assert "has not been reached" in problem["detail"]


def test_delete_stops_a_running_job(client: httpx.Client, rows_id: str) -> None:
    """202 with the job, which is cancelled at once and stays so; its epochs stay readable, and no model comes of it."""
    with endless(client, rows_id) as url:
        with client.stream("GET", f"{url}/events") as stream:
            next(event for event in events(stream.iter_lines()) if event.id == "1")

        job = ok(client.delete(url), 202)

        assert (job["state"], job["model_id"], job["finished_at"] is not None) == ("cancelled", None, True)
        found = all_events(client, f"{url}/events")
        assert found[-1].name == "cancelled"
        assert ok(client.get(url), 200)["state"] == "cancelled"


def test_delete_stops_a_queued_job(small: httpx.Client) -> None:
    """A job that waits for its turn never gets one."""
    id_ = many_rows(small)
    with endless(small, id_), endless(small, id_) as waiting:
        assert ok(small.get(waiting), 200)["state"] == "queued"

        assert ok(small.delete(waiting), 202)["state"] == "cancelled"

        found = all_events(small, f"{waiting}/events")
        assert [event.name for event in found] == ["job", "cancelled"]


def test_delete_forgets_a_job_that_has_ended(client: httpx.Client) -> None:
    """204, and it is not there any more; its model is."""
    url = descent(client, 5)
    model_id = ok(client.get(url), 200)["model_id"]

    assert client.delete(url).status_code == 204

    for call in (client.get, client.delete):
        refused(call(url), 404, "not-found")
    for below in ("events", "epochs/0"):
        refused(client.get(f"{url}/{below}"), 404, "not-found")
    assert ok(client.get(f"/models/{model_id}"), 200)["id"] == model_id


def test_any_one_epoch_can_be_asked_for(client: httpx.Client) -> None:
    """Epoch 0 is the start, epoch k the state after k passes; the last is the model; what is not there is 404."""
    url = descent(client, 1_000_000, learning_rate=0.01)

    first, second, last = (ok(client.get(f"{url}/epochs/{k}"), 200) for k in (0, 1, 1_000_000))

    x, y = np.array(LINE["x"], float), np.array(LINE["price"], float)
    assert first == {"epoch": 0, "loss": pytest.approx((y**2).mean()), "intercept": 0.0, "coef": [0.0]}
    assert second["intercept"] == pytest.approx(0.01 * y.mean())
    assert second["coef"] == [pytest.approx(0.01 * (x * y).mean())]
    model = ok(client.get(f"/models/{ok(client.get(url), 200)['model_id']}"), 200)
    assert (last["intercept"], last["coef"], last["loss"]) == (model["intercept"], model["coef"], model["metrics"]["mse"])
    refused(client.get(f"{url}/epochs/1000001"), 404, "no-such-epoch")
    for wrong in ("-1", "last", "1.5"):
        assert refused(client.get(f"{url}/epochs/{wrong}"), 422, "invalid-parameter")["errors"][0]["parameter"] == "epoch"


def test_the_normal_equation_has_no_epochs(client: httpx.Client) -> None:
    """It is a job like any other, whose events are its beginning and its end."""
    model = ok(client.post("/fit", json={"X": [[0.0], [1.0]], "y": [0.0, 1.0]}))
    url = f"/jobs/{model['job_id']}"

    assert "no epochs" in refused(client.get(f"{url}/epochs/0"), 404, "no-such-epoch")["detail"]
    job = ok(client.get(url), 200)
    assert (job["epoch"], job["epochs"]) == (None, None)
    assert [event.name for event in all_events(client, f"{url}/events")] == ["job", "done"]


def test_post_fit_streams_when_events_are_accepted(client: httpx.Client) -> None:
    """With `Accept: text/event-stream` the same POST answers 200, says where the job is, and follows it to the model."""
    answer = client.post("/fit", json=DESCENT | {"epochs": 20}, headers={"Accept": EVENT_STREAM})

    found = list(events(answer.text.split("\n")))
    assert answer.status_code == 200
    assert answer.headers["location"] == f"/jobs/{found[0].data['id']}"
    assert [event.name for event in found] == ["job", *["epoch"] * 21, "done"]
    assert found[-1].data == ok(client.get(f"/models/{found[-1].data['id']}"), 200)
    refused(client.post("/fit", json={"X": []}, headers={"Accept": EVENT_STREAM}), 422, "invalid-value")


def test_a_job_that_fails_says_why(client: httpx.Client) -> None:
    """What shows only on the way ends the job as failed, with the problem that a client would have got at once."""
    answer = client.post("/fit", json=DESCENT | {"epochs": 20_000, "batch_size": 1, "learning_rate": 10.0})
    url = answer.headers["location"]

    last = all_events(client, f"{url}/events")[-1]

    job = ok(client.get(url), 200)
    assert (last.name, last.id, job["state"]) == ("failed", "end", "failed")
    assert last.data == job["problem"]
    assert (last.data["type"], last.data["status"]) == ("/problems/diverges", 422)
    assert last.data["largest_stable"] < 10.0


def test_a_job_that_fails_within_the_wait_answers_with_its_problem(client: httpx.Client) -> None:
    """The problem as such, which names the job it is of."""
    spec = DESCENT | {"epochs": 20_000, "batch_size": 1, "learning_rate": 10.0}

    problem = refused(client.post("/fit", json=spec, headers={"Prefer": "wait=10"}), 422, "diverges")

    assert ok(client.get(problem["instance"]), 200)["state"] == "failed"


def test_a_divergence_may_be_watched(client: httpx.Client) -> None:
    """With `on_divergence: "run"` it runs: what no double holds is null, and the model is kept while its numbers last."""
    watched = DESCENT | {"learning_rate": 5.0, "on_divergence": "run"}
    model = ok(client.post("/fit", json=watched | {"epochs": 20}, headers={"Prefer": "wait=10"}))
    assert model["metrics"]["mse"] > 1e10
    assert "not stable" in model["reasons"]["descent"]

    found = list(
        events(client.post("/fit", json=watched | {"epochs": 900}, headers={"Accept": EVENT_STREAM}).text.split("\n"))
    )

    losses = [event.data["loss"] for event in found if event.name == "epoch"]
    assert len(losses) == 901
    assert None not in losses[:50]
    assert set(losses[-50:]) == {None}
    assert found[-2].data == {"epoch": 900, "loss": None, "intercept": None, "coef": [None]}
    assert (found[-1].name, found[-1].data["type"]) == ("failed", "/problems/overflowed")


def test_what_is_no_job_is_not_found(client: httpx.Client) -> None:
    """404, and what was looked for."""
    for call in ("/jobs/job_none", "/jobs/job_none/events", "/jobs/job_none/epochs/1"):
        assert "job_none" in refused(client.get(call), 404, "not-found")["detail"]
    refused(client.delete("/jobs/job_none"), 404, "not-found")
