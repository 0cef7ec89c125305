"""Moments out and in: fits over rows that never meet, equal to the last bit to the fit over all of them."""

from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import LINE, Columns, as_csv, dataset, fit, ok, pointers, refused

SQUARE = {"columns": ["x"], "sums": [["2", "4"], ["10"]]}  # of the rows 1 and 3
READINGS = pytest.mark.parametrize("numbers", ["decimal", "float64"])


def measured(n: int, numbers: str, seed: int = 0) -> dict[str, list[float]]:
    """Three columns far apart in scale, with a sum that is nearly one of the others."""
    rng = np.random.default_rng(seed)
    time, level = 1.5e9 + rng.random(n) * 1e5, rng.normal(size=n) * 1e-3
    columns = {"time": time, "level": level, "y": 3.0 * time - level + rng.normal(size=n)}
    places = {"time": 3, "level": 6, "y": 2}
    return {
        name: (values.round(places[name]) if numbers == "decimal" else values).tolist() for name, values in columns.items()
    }


def part(columns: Columns, start: int, stop: int | None) -> Columns:
    return {name: values[start:stop] for name, values in columns.items()}


def moments(client: httpx.Client, id_: str, **query: Any) -> Any:
    return ok(client.get(f"/datasets/{id_}/moments", params=query), 200)


def given(client: httpx.Client, sent: object, **fields: object) -> Any:
    return ok(client.post("/datasets", json={"moments": sent, **fields}))


def figures(model: Mapping[str, Any]) -> dict[str, Any]:
    """What a model says of its fit: all but its ids, when it was made, and what takes the rows."""
    kept = {name: value for name, value in model.items() if name not in {"id", "job_id", "dataset_id", "meta", "ranges"}}
    return kept | {"metrics": kept["metrics"] | {"mae": None}, "reasons": {**kept["reasons"], "mae": ""}}


def test_the_moments_of_a_data_set_are_its_exact_sums(client: httpx.Client) -> None:
    """The upper triangle of the sums of products, as integers in text, in units of the places."""
    id_ = dataset(client, LINE, numbers="decimal")

    answer = client.get(f"/datasets/{id_}/moments")

    body = ok(answer, 200)
    assert {name: value for name, value in body.items() if name != "digest"} == {
        "dataset_id": id_, "version": 1, "numbers": "decimal", "columns": ["x", "price"], "n_samples": 4, "places": [0, 1],
        "sums": [["4", "6", "159"], ["14", "337"], ["8269"]],
    }  # fmt: skip
    assert answer.headers["etag"] == f'"{body["digest"]}"'
    assert answer.headers["cache-control"] == "no-store"


@READINGS
def test_three_sites_make_the_fit_over_all_rows(client: httpx.Client, numbers: str) -> None:
    """Each sends its moments, none its rows: digest, coefficients, errors and figures are those of the whole, to the bit."""
    columns = measured(60, numbers)
    whole = dataset(client, columns, numbers=numbers)
    sites = [dataset(client, part(columns, *cut), numbers=numbers) for cut in ((0, 4), (4, 31), (31, None))]

    made = given(client, [moments(client, site) for site in sites], name="three sites")

    assert (made["name"], made["version"], made["numbers"], made["n_samples"]) == ("three sites", 1, numbers, 60)
    described = ok(client.get(f"/datasets/{whole}"), 200)["columns"]
    assert made["columns"] == [column | {"min": None, "max": None} for column in described]
    assert ok(client.get(f"/datasets/{made['id']}"), 200) == made
    ours, theirs = (moments(client, id_) for id_ in (made["id"], whole))
    assert (ours["digest"], ours["sums"], ours["places"]) == (theirs["digest"], theirs["sums"], theirs["places"])
    for spec in ({"target": "y"}, {"target": "level", "features": ["y"], "fit_intercept": False}):
        ours, theirs = (fit(client, dataset_id=id_, **spec) for id_ in (made["id"], whole))
        assert figures(ours) == figures(theirs)


def test_versions_and_columns_are_chosen(client: httpx.Client) -> None:
    """An older version has its own moments; of columns, those named, in that order; text is no number."""
    id_ = dataset(client, {**LINE, "city": ["a", "b", "c", "d"]})
    ok(client.post(f"/datasets/{id_}/rows", **as_csv({"x": [9.0], "price": [9.5], "city": ["e"]})))

    assert moments(client, id_)["columns"] == ["x", "price"]
    assert (moments(client, id_)["n_samples"], moments(client, id_, version=1)["n_samples"]) == (5, 4)
    swapped = moments(client, id_, columns=["price", "x"], version=1)
    assert (swapped["columns"], swapped["sums"][0]) == (
        ["price", "x"],
        [*moments(client, id_, version=1)["sums"][0][::2], "6"],
    )
    url = f"/datasets/{id_}/moments"
    refused(client.get(url, params={"columns": "cost"}), 422, "unknown-column")
    refused(client.get(url, params={"columns": "city"}), 422, "not-numeric")
    refused(client.get(url, params={"columns": ["x", "x"]}), 422, "invalid-value")
    refused(client.get(url, params={"version": 3}), 404, "not-found")
    refused(client.get("/datasets/ds_none/moments"), 404, "not-found")


def test_a_data_set_without_numbers_has_no_moments(client: httpx.Client) -> None:
    """There is nothing to sum: 422."""
    id_ = dataset(client, {"city": ["a", "b"]})

    refused(client.get(f"/datasets/{id_}/moments"), 422, "invalid-value")


def test_a_column_with_missing_cells_is_named_unless_it_is_left_out(client: httpx.Client) -> None:
    """Sums over different rows would be the moments of none."""
    sent = {"columns": {"x": [1.0, None, 3.0], "y": [1.0, 2.0, 4.0]}}
    id_ = ok(client.post("/datasets", json=sent))["id"]

    problem = refused(client.get(f"/datasets/{id_}/moments"), 422, "missing-value")

    assert "'x'" in problem["detail"]
    assert moments(client, id_, columns="y")["sums"] == [["3", "7"], ["21"]]


def test_a_wide_data_set_gives_its_moments_too(small: httpx.Client) -> None:
    """Wider than what is summed whole at upload: from one pass over the rows."""
    values = {f"x{j}": [float((j + 1) * i % 7) for i in range(5)] for j in range(12)}
    id_ = dataset(small, values, numbers="decimal")

    sums = moments(small, id_)["sums"]

    names = list(values)
    assert [len(row) for row in sums] == list(range(13, 0, -1))
    assert sums[4][2] == str(int(sum(a * b for a, b in zip(values[names[3]], values[names[5]], strict=True))))
    assert given(small, {"numbers": "decimal", "columns": names, "places": [0] * 12, "sums": sums})["n_samples"] == 5


def test_columns_of_later_moments_may_come_in_another_order(client: httpx.Client) -> None:
    """They are matched by name; the first moments say the order."""
    columns = measured(20, "decimal")
    first, second = (dataset(client, part(columns, *cut), numbers="decimal") for cut in ((0, 9), (9, None)))
    turned = moments(client, second, columns=["y", "time", "level"])

    made = given(client, [moments(client, first), turned])

    assert moments(client, made["id"])["digest"] == moments(client, dataset(client, columns, numbers="decimal"))["digest"]


def test_plain_decimals_are_decimals(client: httpx.Client) -> None:
    """Sums as a database or a spreadsheet has them need no places and no reading."""
    made = given(client, {"columns": ["x", "y"], "sums": [[3, "0.6", "7.5"], ["0.14", "1.70"], ["20.75"]]})

    assert (made["numbers"], made["n_samples"]) == ("decimal", 3)
    rows = dataset(client, {"x": [0.1, 0.2, 0.3], "y": [1.5, 2.5, 3.5]}, numbers="decimal")
    assert moments(client, made["id"])["digest"] == moments(client, rows)["digest"]


def test_what_needs_the_rows_is_refused(client: httpx.Client) -> None:
    """409: rows cannot be read, appended to or taken away, nor walked by a mini-batch descent; a fit and a descent can."""
    id_ = given(client, moments(client, dataset(client)))["id"]
    descent = {"dataset_id": id_, "target": "price", "method": "gradient_descent", "epochs": 3}

    for answer in (
        client.get(f"/datasets/{id_}/rows"),
        client.post(f"/datasets/{id_}/rows", json={"columns": LINE}),
        client.delete(f"/datasets/{id_}/rows", params={"column": "x", "op": "gt", "value": 1}),
        client.delete(f"/datasets/{id_}/rows", params={"version": 1}),
        client.post("/fit", json=descent | {"batch_size": 2}),
        client.post("/fit", json={"dataset_id": id_, "target": "price", "degree": 2}),
    ):
        assert refused(answer, 409, "no-rows")["dataset_id"] == id_
    assert fit(client, **descent)["n_samples"] == 4
    ok(client.get(f"/datasets/{id_}"), 200)
    assert client.delete(f"/datasets/{id_}").status_code == 204


def test_a_retry_makes_no_second_data_set(client: httpx.Client) -> None:
    """Idempotency-Key works as for rows: the same answer; other moments under it are refused."""
    key = {"Idempotency-Key": "moments-once"}
    first, again = (client.post("/datasets", json={"moments": SQUARE}, headers=key) for _ in range(2))

    assert (ok(again), again.headers["idempotency-replayed"]) == (ok(first), "true")
    other = {"moments": SQUARE | {"sums": [["2", "4"], ["11"]]}}
    refused(client.post("/datasets", json=other, headers=key), 422, "key-reused")


def test_a_digest_that_is_sent_is_checked(client: httpx.Client) -> None:
    """What was changed on the way is seen."""
    sent = moments(client, dataset(client))
    given(client, sent)

    changed = sent | {"sums": [*sent["sums"][:-1], [str(int(sent["sums"][-1][0]) + 2 ** sent["places"][-1])]]}

    assert pointers(refused(client.post("/datasets", json={"moments": changed}), 422, "not-moments")) == ["/moments/digest"]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a float": ({"moments": SQUARE | {"sums": [[2, 4.0], [10]]}}, "not-moments", "/moments/sums/0/1"),
    "no rows with these sums": ({"moments": SQUARE | {"sums": [[2, 4], [7]]}}, "not-moments", "/moments/sums/1"),
    "the second of two": ({"moments": [SQUARE, SQUARE | {"n_samples": 3}]}, "not-moments", "/moments/1/n_samples"),
    "more rows than can be counted": (
        {"moments": [{"columns": ["x"], "sums": [[2**63 - 1, 0], [1]]}, SQUARE]}, "not-moments", "/moments/1/sums/0/0"
    ),
    "other columns": ({"moments": [SQUARE, SQUARE | {"columns": ["z"]}]}, "not-moments", "/moments/1/columns"),
    "another reading than the first": (
        {"moments": [SQUARE, SQUARE | {"places": [0], "numbers": "float64"}]}, "not-moments", "/moments/1/numbers"
    ),
    "another reading than the body": ({"moments": SQUARE, "numbers": "float64"}, "not-moments", "/moments/numbers"),
    "too few places": ({"moments": SQUARE | {"places": [], "numbers": "decimal"}}, "not-moments", "/moments/places"),
    "a name twice": ({"moments": SQUARE | {"columns": ["x", "y", "x"]}}, "bad-name", "/moments/columns/2"),
    "a reserved name": ({"moments": [SQUARE | {"columns": ["intercept"]}]}, "bad-name", "/moments/0/columns/0"),
    "no columns": ({"moments": SQUARE | {"columns": []}}, "no-columns", "/moments/columns"),
    "an unknown field": ({"moments": SQUARE | {"rows": []}}, "invalid-fields", "/moments/rows"),
    "an unknown field of one of several": ({"moments": [SQUARE, {}]}, "invalid-fields", "/moments/1/columns"),
    "places of the wrong type": ({"moments": SQUARE | {"places": ["2"]}}, "invalid-fields", "/moments/places/0"),
    "neither one nor several": ({"moments": 3}, "invalid-fields", "/moments"),
    "none": ({"moments": []}, "invalid-fields", "/moments"),
    "rows as well": ({"moments": SQUARE, "columns": {"x": [1.0]}}, "invalid-value", "/columns"),
    "a window": ({"moments": SQUARE, "window": {"rows": 2}}, "invalid-value", "/window"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_is_refused_with_its_place(client: httpx.Client, case: str) -> None:
    """A JSON pointer to the first thing that is wrong, whichever of several moments it is in; nothing is made."""
    body, slug, pointer = REFUSED[case]

    problem = refused(client.post("/datasets", json=body), 422, slug)

    assert pointer in pointers(problem)


def test_too_many_columns_are_refused(small: httpx.Client) -> None:
    """The limit is that on columns of rows."""
    names = [f"x{j}" for j in range(41)]
    sums = [["1"] * (42 - i) for i in range(42)]

    refused(small.post("/datasets", json={"moments": {"columns": names, "sums": sums}}), 422, "too-many-columns")


def test_the_moments_of_a_thousand_sites_are_the_most_at_once(client: httpx.Client) -> None:
    """Said in plain words, and the first bad one is as far as a list is read."""
    one = {"columns": ["x"], "sums": [["1", "1"], ["1"]]}
    assert given(client, [one] * 1000)["n_samples"] == 1000

    many = refused(client.post("/datasets", json={"moments": [one] * 1000 + [{}] * 100_000}), 422, "invalid-fields")
    bad = refused(client.post("/datasets", json={"moments": [one, *[{}] * 100_000]}), 422, "invalid-fields")

    assert many["errors"] == [{"pointer": "/moments", "detail": "expected a list of at most 1000"}]
    assert {error["pointer"] for error in bad["errors"]} == {"/moments/1/columns", "/moments/1/sums"}
