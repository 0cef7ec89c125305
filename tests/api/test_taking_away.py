"""Rows taken away over HTTP: by version, by a condition, and by a window as others are appended."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import FORMS, Columns, as_csv, dataset, endless, fit, many_rows, of_arrow, ok, refused
from tests.process import Service

CHANGES = 1000


def rows_of(client: httpx.Client, id_: str) -> dict[str, list[Any]]:
    """All rows of the newest version, by column."""
    answer = client.get(f"/datasets/{id_}/rows", params={"format": "arrow", "limit": 20_000})
    assert answer.status_code == 200, answer.text
    return of_arrow(answer.content)


def without(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in names}


def remove(client: httpx.Client, id_: str, **query: str | int) -> dict[str, Any]:
    """The answer to rows taken away."""
    answer: dict[str, Any] = ok(client.delete(f"/datasets/{id_}/rows", params=query), 200)
    return answer


def assert_is(client: httpx.Client, id_: str, columns: Columns, numbers: str = "float64") -> None:
    """The data set and a fit of it are bit for bit those of these rows, had there never been others."""
    fresh = dataset(client, columns, numbers=numbers)
    assert rows_of(client, id_) == rows_of(client, fresh) == dict(columns)
    about, of_fresh = (ok(client.get(f"/datasets/{one}"), 200) for one in (id_, fresh))
    assert (about["columns"], about["n_samples"]) == (of_fresh["columns"], of_fresh["n_samples"])
    ours, theirs = (fit(client, dataset_id=one, target="price", features=["x"]) for one in (id_, fresh))
    for figure in ("coef", "intercept", "metrics", "inference"):
        assert ours[figure] == theirs[figure]


X = [0.0, 1.0, 2.0, 3.0, 0.1, 0.7]
PRICE = [1.0, 2.9, 5.2, 6.8, 1.3, 2.2]


def test_rows_of_a_version_are_taken_away(client: httpx.Client) -> None:
    """Those that came with it, the first one too; its number stays its own for ever."""
    id_ = dataset(client, {"x": [9.0, 8.0], "price": [1e9, 0.125]})
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": X[:3], "price": PRICE[:3]}}))
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": [-1e-9], "price": [3.0]}}))
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": X[3:], "price": PRICE[3:]}}))

    assert remove(client, id_, version=1) == {"id": id_, "version": 5, "n_samples": 7, "n_removed": 2}
    assert remove(client, id_, version=3) == {"id": id_, "version": 6, "n_samples": 6, "n_removed": 1}
    assert remove(client, id_, version=3) == {"id": id_, "version": 6, "n_samples": 6, "n_removed": 0}

    assert_is(client, id_, {"x": X, "price": PRICE})
    refused(client.delete(f"/datasets/{id_}/rows", params={"version": 7}), 404, "not-found")


def test_older_versions_are_gone(client: httpx.Client) -> None:
    """Their rows and what was known of them; a model fitted before keeps its figures."""
    id_ = dataset(client, {"x": X, "price": PRICE})
    model = fit(client, dataset_id=id_, target="price")
    remove(client, id_, column="x", op="eq", value="2")

    refused(client.get(f"/datasets/{id_}", params={"version": 1}), 404, "not-found")
    refused(client.get(f"/datasets/{id_}/rows", params={"version": 1}), 404, "not-found")
    refused(client.post("/fit", json={"dataset_id": id_, "dataset_version": 1, "target": "price"}), 404, "not-found")
    kept, newest = ok(client.get(f"/models/{model['id']}"), 200), fit(client, dataset_id=id_, target="price")
    assert (kept["coef"], kept["stale"], kept["dataset_gone"]) == (model["coef"], True, False)
    assert (model["stale"], newest["stale"], newest["dataset_version"]) == (False, False, 2)


@pytest.mark.parametrize(
    ("column", "op", "value", "left"),
    [
        ("x", "eq", "0.1", lambda i: X[i] != 0.1), ("x", "==", "0.10", lambda i: X[i] != 0.1), ("x", "<", "0.7", lambda i: X[i] >= 0.7),
        ("x", "<=", "0.7", lambda i: X[i] > 0.7), ("x", "gt", "2", lambda i: X[i] <= 2), ("x", "ge", "2e0", lambda i: X[i] < 2),
        ("x", "ne", "3", lambda i: X[i] == 3.0), ("x", "lt", "0.70000000000000001", lambda i: X[i] > 0.7),
        ("city", "eq", "é", lambda i: i % 3 != 1), ("city", "!=", "é", lambda i: i % 3 == 1), ("city", "missing", None, lambda i: i % 3 < 2),
        ("sold", "eq", "true", lambda i: i % 2), ("sold", "ne", "true", lambda i: not i % 2),
    ],
)  # fmt: skip
def test_rows_for_which_a_condition_holds_are_taken_away(
    client: httpx.Client, column: str, op: str, value: str | None, left: Callable[[int], bool]
) -> None:
    """On numbers, text and booleans; a decimal is compared as it is written; a cell that is missing meets none."""
    table: dict[str, list[Any]] = {
        "x": X, "price": PRICE, "city": [("a", "é", None)[i % 3] for i in range(6)], "sold": [i % 2 == 0 for i in range(6)],
    }  # fmt: skip
    id_ = dataset(client, table, numbers="decimal")
    if (column, op) == ("city", "!="):  # where city is missing it is not said that it is something else
        left = lambda i: i % 3 != 0  # noqa: E731
    kept = {name: [v for i, v in enumerate(values) if left(i)] for name, values in table.items()}

    query = {"column": column, "op": op} | ({} if value is None else {"value": value})
    answer = remove(client, id_, **query)

    assert answer["n_removed"] == 6 - len(kept["x"])
    fresh = dataset(client, kept, numbers="decimal")
    assert rows_of(client, id_) == kept
    about, of_fresh = (ok(client.get(f"/datasets/{one}"), 200)["columns"] for one in (id_, fresh))
    assert about == of_fresh


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({}, "column"), ({"value": "1"}, "column"), ({"op": "eq"}, "column"), ({"column": "x"}, "op"), ({"column": "x", "op": "eq"}, "value"),
        ({"version": 1, "column": "x"}, "version"), ({"version": 1, "value": "1"}, "version"), ({"column": "z", "op": "eq", "value": "1"}, "column"),
        ({"column": "x", "op": "eq", "value": "one"}, "value"), ({"column": "x", "op": "missing", "value": "1"}, "value"),
        ({"column": "x", "op": "eq", "value": "nan"}, "value"),
    ],
)  # fmt: skip
def test_what_is_no_condition_takes_nothing_away(client: httpx.Client, query: dict[str, str], parameter: str) -> None:
    """The parameter that is wrong is named."""
    id_ = dataset(client)

    problem = refused(client.delete(f"/datasets/{id_}/rows", params=query), 422, "invalid-value")

    assert [error["parameter"] for error in problem["errors"]] == [parameter]
    assert ok(client.get(f"/datasets/{id_}"), 200)["version"] == 1


def test_other_refusals(client: httpx.Client) -> None:
    """All rows; rows of what is not here; an op that is none."""
    id_ = dataset(client)
    assert refused(client.delete(f"/datasets/{id_}/rows", params={"version": 1}), 422, "no-rows-left")["dataset_id"] == id_
    refused(client.delete("/datasets/ds_0/rows", params={"version": 1}), 404, "not-found")
    refused(
        client.delete(f"/datasets/{id_}/rows", params={"column": "x", "op": "like", "value": "1"}), 422, "invalid-parameter"
    )
    refused(client.delete(f"/datasets/{id_}/rows", params={"version": 0}), 422, "invalid-parameter")


def test_rows_that_a_job_reads_stay_until_it_ends(client: httpx.Client) -> None:
    """409 with the job, for a removal and for an append from which rows would leave; after it, both work."""
    id_ = many_rows(client)
    narrow = dataset(client, {"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}, window={"rows": 3})
    with endless(client, id_), endless(client, narrow):
        problem = refused(
            client.delete(f"/datasets/{id_}/rows", params={"column": "x", "op": "lt", "value": "0.5"}), 409, "dataset-in-use"
        )
        assert problem["dataset_id"] == id_
        refused(client.post(f"/datasets/{narrow}/rows", json={"columns": {"x": [5.0], "y": [1.0]}}), 409, "dataset-in-use")

    assert remove(client, id_, column="x", op="lt", value="0.5")["n_removed"] == 50_000
    assert ok(client.post(f"/datasets/{narrow}/rows", json={"columns": {"x": [5.0], "y": [1.0]}}))["n_removed"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_the_last_rows_stay(client: httpx.Client, form: str) -> None:
    """`window` in JSON or in the address, at the first upload and at appends in any form."""
    query = {} if form == "json" else {"window_rows": "4"}
    sent = FORMS[form]({"x": [9.0, *X[:4]], "price": [9.0, *PRICE[:4]]})
    if form == "json":
        made = ok(
            client.post("/datasets", json={"columns": {"x": [9.0, *X[:4]], "price": [9.0, *PRICE[:4]]}, "window": {"rows": 4}})
        )
    else:
        made = ok(client.post("/datasets", **sent, params=query))
    id_ = made["id"]
    assert (made["window"], made["n_samples"], made["version"]) == ({"rows": 4}, 4, 1)
    assert_is(client, id_, {"x": X[:4], "price": PRICE[:4]})

    grown = ok(client.post(f"/datasets/{id_}/rows", **FORMS[form]({"price": PRICE[4:], "x": X[4:]})))

    assert without(grown, "id") == {"version": 2, "n_samples": 4, "n_appended": 2, "n_removed": 2}
    assert ok(client.get(f"/datasets/{id_}"), 200)["window"] == {"rows": 4}
    assert_is(client, id_, {"x": X[2:], "price": PRICE[2:]})
    refused(client.get(f"/datasets/{id_}", params={"version": 1}), 404, "not-found")


def test_the_last_of_a_span_stay(client: httpx.Client) -> None:
    """Those above the largest less the span, exactly; rows that come late leave at once."""
    times = ["0.1", "0.2", "0.3", "0.25"]
    csv = "t,price,x\n" + "".join(f"{t},{i},{i * i}\n" for i, t in enumerate(times))
    query = {"window_column": "t", "window_span": "0.2", "numbers": "decimal"}
    id_ = ok(client.post("/datasets", params=query, content=csv, headers={"Content-Type": "text/csv"}))["id"]
    assert rows_of(client, id_)["t"] == [0.2, 0.3, 0.25]

    sent = as_csv({"t": [0.4, 0.15, 0.35], "price": [7.0, 8.0, 9.0], "x": [1.0, 2.0, 4.0]})
    grown = ok(client.post(f"/datasets/{id_}/rows", **sent))

    assert without(grown, "id") == {"version": 2, "n_samples": 4, "n_appended": 3, "n_removed": 2}
    assert ok(client.get(f"/datasets/{id_}"), 200)["window"] == {"column": "t", "span": 0.2}
    assert rows_of(client, id_)["t"] == [0.3, 0.25, 0.4, 0.35]
    problem = refused(
        client.post(f"/datasets/{id_}/rows", json={"columns": {"t": [None], "price": [1.0], "x": [1.0]}}), 422, "missing-value"
    )
    assert [error["pointer"] for error in problem["errors"]] == ["/columns/t/0"]


@pytest.mark.parametrize(
    "window", [{}, {"rows": 1, "span": 1.0}, {"column": "x"}, {"span": 2.0}, {"rows": 2, "column": "x", "span": 2.0}], ids=str
)
def test_half_a_window_is_none(client: httpx.Client, window: dict[str, object]) -> None:
    """Nor are two of them one."""
    body = {"columns": {"x": [1.0]}, "window": window}
    problem = refused(client.post("/datasets", json=body), 422, "invalid-value")
    assert [error["pointer"] for error in problem["errors"]] == ["/window"]
    if window:
        query = {f"window_{name}": str(value) for name, value in window.items()}
        answer = client.post("/datasets", params=query, **as_csv({"x": [1.0]}))
        assert refused(answer, 422, "invalid-value")["errors"][0]["parameter"] == "window_rows"


@pytest.mark.parametrize(
    "window", [{"rows": 0}, {"rows": 1.5}, {"column": "x", "span": 0}, {"column": "x", "span": -1.0}, {"last": 3}]
)
def test_a_window_that_cannot_be_is_refused_by_its_field(client: httpx.Client, window: dict[str, object]) -> None:
    """With a pointer to it."""
    problem = refused(client.post("/datasets", json={"columns": {"x": [1.0]}, "window": window}), 422, "invalid-fields")
    assert problem["errors"][0]["pointer"].startswith("/window/")


def test_a_window_goes_by_a_column_of_numbers_that_is_there(client: httpx.Client) -> None:
    """And parameters are for bodies that are not JSON."""
    columns = {"x": [1.0], "city": ["a"]}
    for column, slug in (("z", "unknown-column"), ("city", "not-numeric")):
        refused(client.post("/datasets", json={"columns": columns, "window": {"column": column, "span": 1.0}}), 422, slug)
    refused(client.post("/datasets", params={"window_rows": 3}, json={"columns": columns}), 422, "invalid-value")


def test_cells_that_are_missing_come_back_as_they_came(client: httpx.Client) -> None:
    """As null in JSON and Arrow, as nothing in CSV; counted in the column, whose figures are of those that are there."""
    table: dict[str, list[Any]] = {
        "x": [1.0, None, 4.0],
        "city": ["a", None, "c"],
        "sold": [None, True, False],
        "none": [None] * 3,
    }
    id_ = dataset(client, table)

    assert ok(client.get(f"/datasets/{id_}/rows"), 200)["columns"] == table
    assert rows_of(client, id_) == table
    lines = client.get(f"/datasets/{id_}/rows", params={"format": "csv"}).text.splitlines()
    assert [line.replace('"', "") for line in lines] == ["x,city,sold,none", "1,a,,", ",,true,", "4,c,false,"]
    about = {column["name"]: column for column in ok(client.get(f"/datasets/{id_}"), 200)["columns"]}
    assert without(about["x"], "name", "type") == {"mean": 2.5, "std": 4.5**0.5, "min": 1.0, "max": 4.0, "n_missing": 1}
    assert [about[name]["n_missing"] for name in ("city", "sold", "none")] == [1, 1, 3]
    assert without(about["none"], "name", "type") == {"mean": None, "std": None, "min": None, "max": None, "n_missing": 3}


def test_a_thousand_appends_and_removals_leave_no_trace(tmp_path: Path) -> None:
    """In any order: rows, columns, and every figure of a fit are those of the rows left, to the last bit."""
    draw = np.random.default_rng(11)

    def drawn(n: int) -> list[tuple[float, float]]:
        scale = 10.0 ** draw.integers(-8, 9, n)
        return list(zip((draw.standard_normal(n) * scale).tolist(), draw.standard_normal(n).tolist(), strict=True))

    def columns(rows: list[tuple[float, float]]) -> dict[str, list[float]]:
        return {"x": [x for x, _ in rows], "price": [price for _, price in rows]}

    rows = drawn(30)
    with Service(tmp_path / "data", sqlite_synchronous="NORMAL") as service, service.client() as client:
        id_ = dataset(client, columns(rows))
        parts = {1: rows}
        version = 1
        for _ in range(CHANGES):
            kind, n_rows = draw.random(), sum(map(len, parts.values()))
            if kind < 0.5 or n_rows < 20:
                rows = drawn(int(draw.integers(1, 4)))
                answer = ok(client.post(f"/datasets/{id_}/rows", json={"columns": columns(rows)}))
                parts[answer["version"]] = rows
            elif kind < 0.75:
                gone = int(draw.choice(sorted(parts)))
                answer = remove(client, id_, version=gone)
                assert answer["n_removed"] == len(parts.pop(gone))
            else:
                x = draw.choice([x for rows in parts.values() for x, _ in rows])
                answer = remove(client, id_, column="x", op="eq", value=repr(float(x)))
                parts = {came: left for came, rows in parts.items() if (left := [row for row in rows if row[0] != x])}
            version += 1
            assert (answer["version"], answer["n_samples"]) == (version, sum(map(len, parts.values())))

        assert_is(client, id_, columns([row for came in sorted(parts) for row in parts[came]]))


def test_a_window_that_slides_can_be_read_all_the_while(service: Service) -> None:
    """Who asks for the newest rows gets those of one version, whole, however fast older ones go."""
    with service.client() as writer, service.client() as reader:
        id_ = dataset(writer, {"x": [0.0, 1.0, 2.0]}, window={"rows": 3})

        def slide() -> None:
            for i in range(3, 120):
                ok(writer.post(f"/datasets/{id_}/rows", json={"columns": {"x": [float(i)]}}))

        sliding = threading.Thread(target=slide)
        sliding.start()
        seen = []
        while sliding.is_alive():
            seen.append(ok(reader.get(f"/datasets/{id_}/rows"), 200)["columns"]["x"])
        sliding.join()
        seen.append(ok(reader.get(f"/datasets/{id_}/rows"), 200)["columns"]["x"])

    assert seen == sorted(seen)
    assert all(np.array_equal(np.diff(rows), [1.0, 1.0]) for rows in seen)
    assert seen[-1] == [117.0, 118.0, 119.0]
