"""Numbers larger than anything there is: refused in addresses and bodies, passed over in headers, never a failure."""

from typing import Any

import httpx
import pytest

from tests.api.made import LINE, dataset, descent, ok, refused

BIGGEST, BEYOND = 2**63 - 1, 10**30
ADDRESSES = (
    "/datasets?after={n}", "/models?after={n}", "/jobs?after={n}", "/aliases?after={n}", "/datasets?limit={n}",
    "/datasets/{dataset}?version={n}", "/datasets/{dataset}/rows?version={n}", "/datasets/{dataset}/rows?limit={n}",
    "/datasets/{dataset}/rows?offset={n}", "{job}/epochs/{n}", "{job}/events?every={n}", "{job}/events?after={n}",
)  # fmt: skip
ROWS: dict[str, Any] = {"X": [[x] for x in LINE["x"]], "y": LINE["price"]}
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "dataset_version": ("/fit", {"dataset_id": "DATASET", "target": "price"}),
    "epochs": ("/fit", ROWS | {"method": "gradient_descent"}),
    "batch_size": ("/fit", ROWS | {"method": "gradient_descent", "epochs": 3}),
    "random_state": ("/fit", ROWS | {"method": "gradient_descent", "epochs": 3, "batch_size": 1}),
    "sample/n_samples": ("/datasets", {"sample": {"slope": 1.0}}),
    "sample/random_state": ("/datasets", {"sample": {"slope": 1.0, "n_samples": 3}}),
}


@pytest.fixture(scope="module")
def dataset_id(client: httpx.Client) -> str:
    return dataset(client)


@pytest.fixture(scope="module")
def job(client: httpx.Client) -> str:
    return descent(client, 5)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_integer_of_an_address_may_be_too_large(client: httpx.Client, dataset_id: str, job: str, address: str) -> None:
    """422 beyond 2^63 - 1, however many digits; up to there it is only a large number."""
    for beyond in (BEYOND, 2**63, "9" * 5000):
        refused(client.get(address.format(n=beyond, dataset=dataset_id, job=job)), 422, "invalid-parameter")

    assert client.get(address.format(n=BIGGEST, dataset=dataset_id, job=job)).status_code in (200, 404, 422)


@pytest.mark.parametrize("field", BODIES)
def test_an_integer_of_a_body_may_be_too_large(client: httpx.Client, dataset_id: str, field: str) -> None:
    """422 with its pointer beyond 2^63 - 1; up to there it is only a large number."""
    path, body = BODIES[field]
    body = body | ({"dataset_id": dataset_id} if "dataset_id" in body else {})

    def sent(n: int) -> dict[str, Any]:
        return body | ({"sample": body["sample"] | {field.split("/")[1]: n}} if "sample" in body else {field: n})

    for beyond in (BEYOND, 2**63):
        problem = refused(client.post(path, json=sent(beyond)), 422, "invalid-fields")
        assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]
    assert client.post(path, json=sent(BIGGEST), headers={"Prefer": "wait=10"}).status_code in (201, 404, 422)


@pytest.mark.parametrize("last", ["²".encode(), b"9" * 5000, b"-1", b"1_0"], ids=["power", "digits", "negative", "python"])
def test_a_last_event_id_that_is_none_is_passed_over(client: httpx.Client, job: str, last: bytes) -> None:
    """The stream begins at its start."""
    answer = client.get(f"{job}/events", headers=httpx.Headers([(b"Last-Event-ID", last)]))

    assert answer.status_code == 200
    assert "id: 0\n" in answer.text


def test_a_wait_of_any_length_is_no_failure(client: httpx.Client) -> None:
    """What is no number of seconds is passed over."""
    for wait in ("9" * 18, "9" * 5000):
        ok(client.post("/fit", json=ROWS, headers={"Prefer": f"wait={wait}"}))
