"""What clients of every kind ran into: generated ones, browsers, those that give up waiting."""

from typing import Any

import httpx
import pytest

LINE: dict[str, Any] = {"X": [[1.0], [2.0], [3.0]], "y": [1.0, 2.0, 4.0]}
DESCENT = LINE | {"method": "gradient_descent", "epochs": 3}


def defaults_of(name: str, client: httpx.Client) -> dict[str, Any]:
    properties = client.get("/openapi.json").json()["components"]["schemas"][name]["properties"]
    return {field: schema["default"] for field, schema in properties.items() if "default" in schema}


def test_a_client_that_sends_every_default_of_the_schema_can_fit(client: httpx.Client) -> None:
    """As generated clients do: to a data set, and inline."""
    dataset = client.post("/datasets", json={"sample": {"n_samples": 5, "slope": 1.0}}).json()["id"]
    defaults = defaults_of("FitRequest", client)

    of_dataset = client.post("/fit", json=defaults | {"dataset_id": dataset, "target": "y"})
    inline = client.post("/fit", json=defaults | LINE)

    assert (of_dataset.status_code, inline.status_code) == (201, 201)


def test_the_stream_of_a_job_whose_model_was_deleted_ends_all_the_same(client: httpx.Client) -> None:
    """Else a browser would come back for ever."""
    model = client.post("/fit", json=DESCENT, headers={"Prefer": "wait=30"}).json()
    assert client.delete(f"/models/{model['id']}").status_code == 204

    events = client.get(f"/jobs/{model['job_id']}/events").text

    assert events.count("event: epoch") == 4
    assert "event: done\nid: end\n" in events


def test_who_gave_up_waiting_may_come_back_for_the_stream(client: httpx.Client) -> None:
    """Under the same key, whatever it accepts and however long it waits: it follows the same job."""
    key = {"Idempotency-Key": "gave-up-waiting"}
    job = client.post("/fit", json=DESCENT, headers=key).json()

    stream = client.post("/fit", json=DESCENT, headers=key | {"Accept": "text/event-stream"})

    assert stream.headers["Idempotency-Replayed"] == "true"
    assert job["id"] in stream.text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/aliases/line", "DELETE, GET, PUT"),
        ("/datasets", "GET, POST"),
        ("/jobs/job_0", "DELETE, GET"),
        ("/predict", "GET, POST"),
    ],
)
def test_a_method_that_a_path_has_not_is_answered_with_those_it_has(client: httpx.Client, path: str, methods: str) -> None:
    """All of them, whichever route of the path comes first."""
    answer = client.request("PATCH", path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == methods


def test_what_is_wrong_in_the_address_is_named_as_a_parameter(client: httpx.Client) -> None:
    """A pointer would point into a body that there is not."""
    model = client.post("/fit", json=LINE).json()["id"]
    dataset = client.post("/datasets", json={"sample": {"n_samples": 5, "slope": 1.0}}).json()["id"]

    wrong = {
        "x": client.get(f"/predict?model_id={model}&x=one"),
        "limit": client.get(f"/datasets/{dataset}/rows?limit=100000000"),
        "name": client.put("/aliases/UP", json={"model_id": model}),
    }

    for parameter, answer in wrong.items():
        assert answer.status_code == 422
        assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_generated_clients_have_functions_with_short_names(client: httpx.Client) -> None:
    """An operation is called as the route is: fit, not fit_fit_post."""
    paths = client.get("/openapi.json").json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]

    assert paths["/fit"]["post"]["operationId"] == "fit"
    assert len(set(names)) == len(names)
