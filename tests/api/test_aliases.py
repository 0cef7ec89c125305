"""Aliases: names in place of a model's id, moved atomically."""

import httpx
import pytest

from tests.api.made import fit, ok, pointers, refused


@pytest.fixture(scope="module")
def models(client: httpx.Client) -> list[str]:
    """Two models to choose from."""
    return [fit(client, X=[[0.0], [1.0]], y=[0.0, slope])["id"] for slope in (1.0, 2.0)]


def test_an_alias_is_made_moved_and_forgotten(client: httpx.Client, models: list[str]) -> None:
    """201 and a Location when it is new, 200 when it moves; then it is gone, and the model is not."""
    first = client.put("/aliases/best", json={"model_id": models[0]})
    assert (ok(first)["model_id"], first.headers["location"]) == (models[0], "/aliases/best")
    moved = client.put("/aliases/best", json={"model_id": models[1]})
    assert ok(moved, 200)["model_id"] == models[1]
    assert ok(client.get("/aliases/best"), 200) == moved.json()
    assert ok(client.get("/models/best"), 200)["id"] == models[1]

    assert client.delete("/aliases/best").status_code == 204

    for call in (client.get, client.delete):
        refused(call("/aliases/best"), 404, "not-found")
    refused(client.get("/models/best"), 404, "not-found")
    assert ok(client.get(f"/models/{models[1]}"), 200)["id"] == models[1]


def test_two_who_move_an_alias_do_not_overwrite_each_other(client: httpx.Client, models: list[str]) -> None:
    """`If-Match` with the ETag that was read: the second to come is 412, for moves and for deletion."""
    etag = client.put("/aliases/raced", json={"model_id": models[0]}).headers["etag"]
    assert client.get("/aliases/raced").headers["etag"] == etag

    won = client.put("/aliases/raced", json={"model_id": models[1]}, headers={"If-Match": etag})
    lost = client.put("/aliases/raced", json={"model_id": models[0]}, headers={"If-Match": etag})

    assert (won.status_code, won.headers["etag"] != etag) == (200, True)
    refused(lost, 412, "alias-moved")
    refused(client.delete("/aliases/raced", headers={"If-Match": etag}), 412, "alias-moved")
    assert ok(client.get("/aliases/raced"), 200)["model_id"] == models[1]
    assert client.delete("/aliases/raced", headers={"If-Match": won.headers["etag"]}).status_code == 204


def test_conditions_on_whether_an_alias_is_there(client: httpx.Client, models: list[str]) -> None:
    """`If-Match: *` only moves, `If-None-Match: *` only makes."""
    body = {"model_id": models[0]}
    refused(client.put("/aliases/conditional", json=body, headers={"If-Match": "*"}), 412, "alias-moved")
    assert client.put("/aliases/conditional", json=body, headers={"If-None-Match": "*"}).status_code == 201

    refused(client.put("/aliases/conditional", json=body, headers={"If-None-Match": "*"}), 412, "alias-moved")
    assert client.put("/aliases/conditional", json=body, headers={"If-Match": "*"}).status_code == 200


def test_several_etags_may_match(client: httpx.Client, models: list[str]) -> None:
    """RFC 9110 allows a list: one that fits is enough."""
    etag = client.put("/aliases/listed", json={"model_id": models[0]}).headers["etag"]

    answer = client.put("/aliases/listed", json={"model_id": models[1]}, headers={"If-Match": f'"old", {etag}'})

    assert answer.status_code == 200


def test_a_model_with_an_alias_cannot_be_deleted(client: httpx.Client, models: list[str]) -> None:
    """409, naming the alias; once that has moved on, it can."""
    model_id = fit(client, X=[[0.0], [1.0]], y=[0.0, 3.0])["id"]
    client.put("/aliases/held", json={"model_id": model_id})

    problem = refused(client.delete(f"/models/{model_id}"), 409, "model-in-use")

    assert (problem["alias"], problem["model_id"]) == ("held", model_id)
    client.put("/aliases/held", json={"model_id": models[0]})
    assert client.delete(f"/models/{model_id}").status_code == 204


@pytest.mark.parametrize("name", ["Best", "-best", "mdl_best", "ds_1", "job_1", "a" * 65, "a b", "é"])
def test_names_that_no_alias_can_have(client: httpx.Client, models: list[str], name: str) -> None:
    """[a-z0-9][a-z0-9._-]{0,63}, and not like an id, so that a name says what it is."""
    problem = refused(client.put(f"/aliases/{name}", json={"model_id": models[0]}), 422, "invalid-value")

    assert "1 to 64 of a-z, 0-9, '.', '_' and '-'" in problem["detail"]
    assert "(?!" not in problem["detail"]


@pytest.mark.parametrize("name", ["a", "0", "a" * 64, "prices-2026.v1_b"])
def test_names_that_an_alias_can_have(client: httpx.Client, models: list[str], name: str) -> None:
    """Up to 64 small letters, digits, dots, dashes and underscores."""
    assert client.put(f"/aliases/{name}", json={"model_id": models[0]}).status_code in (200, 201)


def test_an_alias_stands_for_a_model_that_is_there(client: httpx.Client) -> None:
    """A model that is not is 404; a body that says nothing is 422, where it is."""
    assert "mdl_none" in refused(client.put("/aliases/lost", json={"model_id": "mdl_none"}), 404, "not-found")["detail"]
    assert pointers(refused(client.put("/aliases/lost", json={}), 422, "invalid-fields")) == ["/model_id"]
    refused(client.put("/aliases/lost", content=b"{", headers={"Content-Type": "application/json"}), 400, "not-json")
    refused(client.put("/aliases/lost", content=b"{}"), 415, "unsupported-media-type")
    refused(client.get("/aliases/lost"), 404, "not-found")


def test_aliases_are_listed_newest_first(client: httpx.Client, models: list[str]) -> None:
    """Paged like every list."""
    for name in ("one", "two", "three"):
        client.put(f"/aliases/list-{name}", json={"model_id": models[0]})

    page = client.get("/aliases", params={"limit": 2})

    assert [alias["name"] for alias in ok(page, 200)["items"]] == ["list-three", "list-two"]
    assert ok(client.get(page.links["next"]["url"]), 200)["items"][0]["name"] == "list-one"
