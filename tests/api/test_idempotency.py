"""Idempotency-Key: a retry of what made something gets the answer that was given, not another thing."""

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.api.made import FORMS, LINE, dataset, ok, refused
from tests.api.sse import EVENT_STREAM, all_events, events
from tests.process import Service

DESCENT: dict[str, Any] = {"X": [[x] for x in LINE["x"]], "y": LINE["price"], "method": "gradient_descent", "epochs": 20}
Post = Callable[[httpx.Client, str, float], httpx.Response]


def _dataset(form: str) -> Post:
    def post(client: httpx.Client, key: str, x: float) -> httpx.Response:
        sent = FORMS[form]({"x": [x], "y": [1.0]})
        return client.post("/datasets", content=sent["content"], headers=sent["headers"] | {"Idempotency-Key": key})

    return post


def _append(form: str) -> Post:
    def post(client: httpx.Client, key: str, x: float) -> httpx.Response:
        sent = FORMS[form]({"x": [x]})
        return client.post(f"/datasets/{client.headers['x-test-dataset']}/rows", content=sent["content"],
                           headers=sent["headers"] | {"Idempotency-Key": key})  # fmt: skip

    return post


def _fit(client: httpx.Client, key: str, x: float) -> httpx.Response:
    body = {"X": [[0.0], [1.0], [x]], "y": [0.0, 1.0, 2.5]}
    return client.post("/fit", json=body, headers={"Idempotency-Key": key})


def _descent(client: httpx.Client, key: str, x: float) -> httpx.Response:
    return client.post("/fit", json=DESCENT | {"tol": x * 1e-9}, headers={"Idempotency-Key": key, "Prefer": "wait=20"})


POSTS: dict[str, Post] = {f"a data set as {form}": _dataset(form) for form in FORMS}
POSTS |= {f"rows as {form}": _append(form) for form in FORMS} | {"a fit": _fit, "a descent": _descent}


@pytest.fixture
def key() -> str:
    """A key nobody used."""
    return str(uuid4())


@pytest.fixture(scope="module")
def keyed(client: httpx.Client) -> httpx.Client:
    """A client that knows a data set to append to."""
    client.headers["x-test-dataset"] = dataset(client, {"x": [0.0]})
    return client


@pytest.mark.parametrize("post", POSTS.values(), ids=POSTS)
def test_a_retry_gets_the_answer_that_was_given(keyed: httpx.Client, key: str, post: Post) -> None:
    """The same key with the same request: the same answer and Location, marked as replayed, and nothing new is made."""
    first = post(keyed, key, 3.0)
    n_rows = ok(keyed.get(f"/datasets/{keyed.headers['x-test-dataset']}"), 200)["n_samples"]
    newest = [keyed.get(f"/{kind}", params={"limit": 1}).json() for kind in ("datasets", "models", "jobs")]

    again = post(keyed, key, 3.0)

    assert ok(again) == ok(first)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert newest == [keyed.get(f"/{kind}", params={"limit": 1}).json() for kind in ("datasets", "models", "jobs")]
    assert ok(keyed.get(f"/datasets/{keyed.headers['x-test-dataset']}"), 200)["n_samples"] == n_rows


@pytest.mark.parametrize("post", POSTS.values(), ids=POSTS)
def test_a_key_belongs_to_one_request(keyed: httpx.Client, key: str, post: Post) -> None:
    """The same key with another body, or elsewhere, is 422: it is not answered with what it did not ask for."""
    ok(post(keyed, key, 3.0))

    refused(post(keyed, key, 4.0), 422, "key-reused")

    elsewhere = _fit if post is not _fit else _dataset("json")
    refused(elsewhere(keyed, key, 3.0), 422, "key-reused")
    assert ok(post(keyed, str(uuid4()), 3.0))


def test_what_was_refused_may_be_mended_under_the_same_key(client: httpx.Client, key: str) -> None:
    """Only what made something takes the key."""
    refused(client.post("/datasets", json={"columns": {}}, headers={"Idempotency-Key": key}), 422, "no-columns")

    assert ok(client.post("/datasets", json={"columns": {"x": [1.0]}}, headers={"Idempotency-Key": key}))


def test_a_key_whose_first_request_still_runs_is_refused(client: httpx.Client, service: Service, key: str) -> None:
    """409 and when to come again; once the first is done the key works."""
    address = urlsplit(service.url)
    body = b"x\n1\n2\n"
    head = (
        f"POST /datasets HTTP/1.1\r\nHost: linefit\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n"
        f"Accept: */*\r\nIdempotency-Key: {key}\r\nConnection: close\r\n\r\n"
    )

    def again() -> httpx.Response:
        return client.post("/datasets", content=body, headers={"Content-Type": "text/csv", "Idempotency-Key": key})

    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as slow:
        slow.sendall(head.encode() + body[:3])
        client.get("/readyz")  # the first has been seen by then

        answer = again()

        refused(answer, 409, "key-in-use")
        assert answer.headers["retry-after"] == "1"
        slow.sendall(body[3:])
        assert b" 201 " in slow.recv(4096).splitlines()[0]
    assert again().headers["idempotency-replayed"] == "true"


def test_a_replayed_stream_follows_the_same_job(client: httpx.Client, key: str) -> None:
    """A client whose stream broke asks again with its key, and gets the events of the job it had begun."""
    headers = {"Idempotency-Key": key, "Accept": EVENT_STREAM}
    with client.stream("POST", "/fit", json=DESCENT, headers=headers) as stream:
        first = next(events(stream.iter_lines()))

    again = client.post("/fit", json=DESCENT, headers=headers)

    found = list(events(again.text.split("\n")))
    assert again.headers["idempotency-replayed"] == "true"
    assert found[0].data["id"] == first.data["id"]
    assert [event.name for event in found] == ["job", *["epoch"] * 21, "done"]
    assert found[1:] == all_events(client, f"/jobs/{first.data['id']}/events")[1:]


def test_a_replayed_descent_shows_how_far_it_is_by_now(client: httpx.Client, key: str) -> None:
    """The job is the answer: a retry that waits gets the model of the first."""
    job = ok(client.post("/fit", json=DESCENT, headers={"Idempotency-Key": key}), 202)

    model = ok(client.post("/fit", json=DESCENT, headers={"Idempotency-Key": key, "Prefer": "wait=20"}))

    assert model["job_id"] == job["id"]


@pytest.mark.parametrize("key", ["", "a" * 256, "caf\xe9"], ids=["empty", "long", "not ASCII"])
def test_a_key_is_1_to_255_visible_characters(client: httpx.Client, key: str) -> None:
    """422 on every call that takes one."""
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    for path, body in (("/datasets", {"columns": LINE}), ("/fit", DESCENT)):
        refused(client.post(path, json=body, headers=headers), 422, "invalid-key")
