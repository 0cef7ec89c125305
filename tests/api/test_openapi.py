"""The contract: openapi.json is checked in, served as it is, and enough to write a client from."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from service.api.problems import PROBLEMS
from tests.api.conformance import CHECKED_IN, Conformance
from tests.api.made import LINE, dataset, ok

SCHEMA: dict[str, Any] = json.loads(CHECKED_IN.read_text())
OPERATIONS = [
    (method, path, operation)
    for path, operations in SCHEMA["paths"].items()
    for method, operation in operations.items()
]  # fmt: skip
CALLS = {
    "POST /datasets", "GET /datasets", "GET /datasets/{dataset_id}", "DELETE /datasets/{dataset_id}",
    "GET /datasets/{dataset_id}/rows", "POST /datasets/{dataset_id}/rows", "DELETE /datasets/{dataset_id}/rows",
    "GET /datasets/{dataset_id}/moments", "POST /fit", "GET /models", "GET /models/{model_id}",
    "DELETE /models/{model_id}", "GET /aliases", "GET /aliases/{name}", "PUT /aliases/{name}", "DELETE /aliases/{name}",
    "POST /predict", "GET /predict", "GET /jobs", "GET /jobs/{job_id}", "DELETE /jobs/{job_id}", "GET /jobs/{job_id}/events",
    "GET /jobs/{job_id}/epochs/{epoch}", "GET /healthz", "GET /readyz", "GET /limits",
    "POST /models/{model_id}/test", "GET /models/{model_id}/summary", "GET /models/{model_id}/diagnostics", "POST /models/{model_id}/invert", "POST /compare", "GET /models/{model_id}/changes",
}  # fmt: skip


def references(value: Any) -> set[str]:
    """All that a schema refers to."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_service_serves_what_is_checked_in(client: httpx.Client) -> None:
    """A client made from the file fits the service: `make openapi` writes it anew."""
    assert ok(client.get("/openapi.json"), 200) == SCHEMA


def test_every_call_is_described() -> None:
    """Each call of the service, with a summary, a description and an operation of its own."""
    assert {f"{method.upper()} {path}" for method, path, _ in OPERATIONS} == CALLS
    assert all(operation["description"] for _, _, operation in OPERATIONS)
    assert len({operation["operationId"] for _, _, operation in OPERATIONS}) == len(CALLS)


def test_references_lead_somewhere() -> None:
    """No schema is referred to that is not there, and none is there that nobody refers to."""
    defined = {f"#/components/schemas/{name}" for name in SCHEMA["components"]["schemas"]}

    assert references(SCHEMA) == defined


def test_bodies_are_described_with_an_example_that_works(client: httpx.Client, conformance: Conformance) -> None:
    """Each JSON body has a schema that its example fits, and the service takes the example."""
    model_id = ok(client.post("/fit", json={"X": [[0.0, 1.0], [1.0, 1.5], [2.0, 0.0]], "y": [1.0, 3.0, 5.5]}))["id"]
    for alias, y in (("control", [1.0, 2.0, 4.0]), ("treated", [1.0, 3.0, 4.0])):
        made = ok(client.post("/fit", json={"X": [[0.0], [1.0], [2.0]], "y": y}))
        ok(client.put(f"/aliases/{alias}", json={"model_id": made["id"]}))
    for method, path, operation in OPERATIONS:
        if "requestBody" not in operation:
            continue
        content = operation["requestBody"]["content"]["application/json"]
        example = content["example"] | ({"model_id": model_id} if "model_id" in content["example"] else {})
        assert not list(conformance.faults(example, content["schema"], "$"))
        url = path.format(dataset_id=dataset(client, {**LINE}), name="example", model_id=model_id)
        assert client.request(method, url, json=example).status_code in (200, 201), path


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS])
def test_errors_are_promised_as_problems(method: str, path: str, operation: dict[str, Any]) -> None:
    """Each error status of a call has the one schema of problems, and names types that exist; success has a schema too."""
    slugs = {slug for _, slug in PROBLEMS.values()} | {"invalid-parameter"}
    for status, promised in operation["responses"].items():
        if status.startswith(("4", "5")):
            assert promised["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }, (method, path, status)  # fmt: skip
            assert set(re.findall(r"/problems/([a-z-]+)", promised["description"])) <= slugs
            assert "/problems/" in promised["description"]


def test_ids_in_paths_may_not_be_found() -> None:
    """Whatever takes an id promises a 404."""
    assert all("404" in operation["responses"] for _, path, operation in OPERATIONS if "{" in path)


class Links(HTMLParser):
    """Where a page takes its scripts, styles and pictures from."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []  # (tag, link)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, value) for name, value in attrs if name in ("src", "href") and value]


def test_the_page_of_the_api_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    """`/docs` works without a connection to anywhere: all it loads comes from the service."""
    page = client.get("/docs")

    links = Links()
    links.feed(page.text)
    assert page.status_code == 200
    assert {"script", "link"} <= {tag for tag, _ in links.found}
    for _tag, link in links.found:
        assert link.startswith("/"), link
        assert client.get(link).status_code == 200
    assert not re.search(r"https?://", page.text)


def test_a_client_that_knows_only_the_schema_can_fit_and_predict(client: httpx.Client) -> None:
    """From data to prediction by Location and by fields that the schema names; the fixture checks every answer."""
    made = client.post("/datasets", json={"columns": LINE})
    job = client.post(
        "/fit", json={"dataset_id": made.json()["id"], "target": "price", "method": "gradient_descent", "learning_rate": 0.1}
    )
    client.get(job.json()["events"])
    model_id = ok(client.get(job.headers["location"]), 200)["model_id"]

    predicted = ok(client.get("/predict", params={"model_id": model_id, "x": 4}), 200)["predictions"]

    assert predicted == [pytest.approx(1.02 + 4 * 1.97, rel=1e-9)]
