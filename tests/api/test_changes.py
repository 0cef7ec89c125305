"""How much each appended block moved each coefficient."""

from fractions import Fraction
from typing import Any

import httpx
import pytest

from tests.api.made import dataset, fit, ok, refused

BLOCKS: list[dict[str, list[float]]] = [
    {"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.1, 4.9, 7.2]},
    {"x": [4.0, 5.0], "y": [9.5, 8.0]},
    {"x": [6.5], "y": [20.0]},
]


@pytest.fixture
def grown(client: httpx.Client) -> str:
    """A data set of three versions."""
    id_ = dataset(client, BLOCKS[0])
    for block in BLOCKS[1:]:
        ok(client.post(f"/datasets/{id_}/rows", json={"columns": block}))
    return id_


def changes(client: httpx.Client, model_id: str, **parameters: int) -> dict[str, Any]:
    found: dict[str, Any] = ok(client.get(f"/models/{model_id}/changes", params=parameters), 200)
    return found


def line(n_blocks: int) -> dict[str, Fraction]:
    """The exact line through the first blocks."""
    x = [Fraction(value) for block in BLOCKS[:n_blocks] for value in block["x"]]
    y = [Fraction(value) for block in BLOCKS[:n_blocks] for value in block["y"]]
    n, sx, sy = len(x), sum(x, Fraction(0)), sum(y, Fraction(0))
    slope = (n * sum(a * b for a, b in zip(x, y, strict=True)) - sx * sy) / (n * sum(a * a for a in x) - sx * sx)
    return {"x": slope, "intercept": (sy - slope * sx) / n}


def test_changes_are_those_of_the_exact_fits_and_add_up_to_the_bit(client: httpx.Client, grown: str) -> None:
    model = fit(client, dataset_id=grown, target="y")
    found = changes(client, model["id"])

    assert (found["model_id"], found["dataset_id"]) == (model["id"], grown)
    assert (found["from_version"], found["to_version"]) == (1, 3)
    assert found["terms"] == ["intercept", "x"]
    assert [block["n_appended"] for block in found["blocks"]] == [None, 2, 1]
    assert [block["n_samples"] for block in found["blocks"]] == [4, 6, 7]
    assert found["blocks"][0]["change"] is None
    assert found["blocks"][-1]["coef"] == {"intercept": model["intercept"], "x": model["coef"][0]}
    for name in ("intercept", "x"):
        moved = [block["change"][name] for block in found["blocks"][1:]]
        assert moved == pytest.approx([float(line(i + 1)[name] - line(i)[name]) for i in (1, 2)], rel=1e-13)
        assert sum(moved) == found["total"][name]
        assert found["total"][name] == pytest.approx(float(line(3)[name] - line(1)[name]), rel=1e-13)


def test_a_part_of_the_versions_may_be_asked_for(client: httpx.Client, grown: str) -> None:
    model = fit(client, dataset_id=grown, target="y")
    ok(client.put("/aliases/grown", json={"model_id": model["id"]}), 201)
    found = changes(client, "grown", **{"from": 2, "to": 3})
    assert [block["version"] for block in found["blocks"]] == [2, 3]
    earlier = fit(client, dataset_id=grown, dataset_version=2, target="y")
    assert [block["version"] for block in changes(client, earlier["id"])["blocks"]] == [1, 2]
    assert changes(client, earlier["id"], to=3)["to_version"] == 3


def test_terms_and_weights_are_followed_too(client: httpx.Client) -> None:
    """Sums of terms are not made at upload: they come from the rows."""
    id_ = dataset(client, {"x": [1.0, 2.0, 3.0, 4.0, 5.0], "y": [1.0, 4.2, 8.9, 16.0, 25.1], "w": [1.0, 2.0, 1.0, 0.0, 3.0]})
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": [6.0], "y": [35.0], "w": [1.5]}}))
    options = {"target": "y", "features": ["x"], "degree": 2, "weights": "w"}
    model = fit(client, dataset_id=id_, **options)
    before = fit(client, dataset_id=id_, dataset_version=1, **options)
    found = changes(client, model["id"])
    assert [block["coef"]["x^2"] for block in found["blocks"]] == [before["coef"][1], model["coef"][1]]


def test_a_version_that_cannot_be_fitted_says_why_and_moves_nothing(client: httpx.Client) -> None:
    id_ = dataset(client, {"x": [1.0], "y": [2.0]})
    for x in (2.0, 3.0):
        ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": [x], "y": [x * x]}}))
    found = changes(client, fit(client, dataset_id=id_, target="y")["id"])
    first, second, third = found["blocks"]
    assert first["coef"] is None
    assert first["reason"]
    assert second["change"] is None
    assert third["change"]["x"] == found["total"]["x"] != 0


def test_a_category_that_comes_first_later_makes_the_others_incomparable(client: httpx.Client) -> None:
    id_ = dataset(client, {"site": ["b", "b", "c", "c"], "y": [1.0, 2.0, 3.0, 5.0]})
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"site": ["a", "a"], "y": [0.0, 1.0]}}))
    found = changes(client, fit(client, dataset_id=id_, target="y", categorical="one_hot")["id"])
    assert "categories" in found["blocks"][0]["reason"]
    assert found["blocks"][1]["change"] is None


def test_what_has_no_changes_is_refused(client: httpx.Client, grown: str) -> None:
    inline = fit(client, X=[[0.0], [1.0], [2.0]], y=[1.0, 2.0, 4.0])
    assert "call" in refused(client.get(f"/models/{inline['id']}/changes"), 422, "not-testable")["detail"]
    model = fit(client, dataset_id=grown, target="y")
    url = f"/models/{model['id']}/changes"
    refused(client.get(url, params={"from": 3}), 422, "invalid-value")
    refused(client.get(url, params={"from": 1, "to": 9}), 404, "not-found")
    refused(client.get(url, params={"from": 0}), 422, "invalid-parameter")
