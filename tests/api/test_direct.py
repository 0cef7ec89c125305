"""What does not go through the framework is answered as if it did."""

import httpx
import pytest

from tests.api.made import JSON, fit, ok

BODIES = {
    "one row": '{"X": [[1.5]]}',
    "two rows": '{"X": [[1.5], [2.5]]}',
    "by name": '{"columns": {"x": [1.5]}}',
    "no rows": '{"X": []}',
    "a row without cells": '{"X": [[]]}',
    "a cell too many": '{"X": [[1.5, 2.5]]}',
    "a missing cell": '{"X": [[null]]}',
    "text": '{"X": [["1.5"]]}',
    "too large": '{"X": [[1e200]]}',
    "beyond doubles": '{"X": [[1e308]]}',
    "both forms": '{"X": [[1.5]], "columns": {"x": [1.5]}}',
    "no form": "{}",
    "an interval": '{"X": [[1.5]], "interval": "confidence"}',
    "a leverage": '{"X": [[1.5]], "leverage": true}',
    "an unknown field": '{"X": [[1.5]], "rows": 1}',
    "no JSON": '{"X": [[1.5]',
}


@pytest.fixture
def model_id(client: httpx.Client) -> str:
    id_: str = fit(client, X=[[0.0], [1.0], [2.0]], y=[1.0, 3.0, 5.5])["id"]
    return id_


@pytest.mark.parametrize("body", BODIES)
def test_an_address_without_parameters_is_answered_as_one_with_them(client: httpx.Client, model_id: str, body: str) -> None:
    """`level=0.95` is the default and for other bodies only, but takes the request through the framework."""
    text = BODIES[body].replace("{", f'{{"model_id": "{model_id}"' + ("" if BODIES[body] == "{}" else ", "), 1)

    short, long = (
        client.post(f"/predict{query}", content=text, headers={"Content-Type": JSON}) for query in ("", "?level=0.95")
    )

    assert (short.status_code, short.content) == (long.status_code, long.content)
    assert short.headers["content-type"] == long.headers["content-type"]


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Type": JSON, "Accept": "image/png"}])
def test_headers_are_refused_as_they_are_with_parameters(client: httpx.Client, headers: dict[str, str]) -> None:
    """The type of the body, and that of the answer."""
    short, long = (client.post(f"/predict{query}", content="{}", headers=headers) for query in ("", "?level=0.95"))

    assert short.is_client_error
    assert (short.status_code, short.content) == (long.status_code, long.content)


def test_a_row_alone_is_predicted_to_the_bits_that_it_has_among_others(client: httpx.Client) -> None:
    """Which is quickest for one row is not for many, and nobody can tell from the digits."""
    X = [[0.1 * i, 1 / (1 + i), (i % 7) / 3] for i in range(20)]
    model_id = fit(client, X=X, y=[1e6 + sum(row) / 7 for row in X])["id"]
    together = ok(client.post("/predict", json={"model_id": model_id, "X": X}), 200)["predictions"]

    alone = [ok(client.post("/predict", json={"model_id": model_id, "X": [row]}), 200)["predictions"][0] for row in X]
    asked = [dict(zip(("x1", "x2", "x3"), row, strict=True)) for row in X]

    assert alone == together
    assert [
        ok(client.get("/predict", params={"model_id": model_id} | row), 200)["predictions"][0] for row in asked
    ] == together


def test_another_method_of_the_address_is_the_frameworks(client: httpx.Client) -> None:
    """It says which there are."""
    answer = client.put("/predict")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_addresses_are_those_of_the_proxy_in_front(client: httpx.Client) -> None:
    """What it says of its client is read for what the framework answers, where addresses are made."""
    address = client.base_url.join("/datasets/")  # which is no call of openapi.json
    answer = httpx.get(address, headers={"X-Forwarded-Proto": "https"})

    assert answer.status_code == 307
    assert answer.headers["location"].startswith("https://")


def test_a_body_may_come_in_pieces(client: httpx.Client, model_id: str) -> None:
    """Whether it was all there at once or not makes no difference."""
    text = f'{{"model_id": "{model_id}", "X": [[1.5]]}}'.encode()

    whole, parts = (
        client.post("/predict", content=content, headers={"Content-Type": JSON})
        for content in (text, (text[i : i + 1] for i in range(len(text))))
    )

    assert (whole.status_code, whole.content) == (parts.status_code, parts.content)
    assert whole.status_code == 200
