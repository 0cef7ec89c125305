"""What is wrong with the options of a fit is said at once, by a pointer to where it is."""

from typing import Any

import httpx
import pytest

from tests.api.made import Columns, dataset, pointers, refused

TABLE: Columns = {
    "a": [1.0, 2.0, 4.0, 8.0, 9.0], "b": [0.5, 0.25, 0.125, 4.0, 1.0], "w": [1.0, 2.0, -1.0, 0.5, 1.0],
    "city": ["Ulm", "Bonn", "Ulm", "Bonn", "Ulm"], "y": [1.0, 0.0, 2.0, 5.0, 4.0],
}  # fmt: skip
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "degree 0": ({"degree": 0}, "invalid-fields", "/degree"),
    "degree of a half": ({"degree": 1.5}, "invalid-fields", "/degree"),
    "interactions by a word": ({"interactions": "yes"}, "invalid-fields", "/interactions"),
    "a penalty below 0": ({"l2": -1.0}, "invalid-fields", "/l2"),
    "weights that are no column": ({"weights": "z"}, "unknown-column", "/weights"),
    "weights of text": ({"weights": "city"}, "not-numeric", "/weights"),
    "the target as weights": ({"weights": "y"}, "invalid-value", "/weights"),
    "a list of weights for a data set": ({"weights": [1.0] * 5}, "invalid-value", "/weights"),
    "weights as a feature": ({"weights": "b", "features": ["a", "b"]}, "invalid-value", "/features/1"),
    "a type without weights": ({"weight_type": "frequency"}, "invalid-value", "/weight_type"),
    "a type that is none": ({"weights": "b", "weight_type": "importance"}, "invalid-fields", "/weight_type"),
    "a way with gaps that is none": ({"missing": "median"}, "invalid-fields", "/missing"),
    "a coding that is none": ({"categorical": "dummy"}, "invalid-fields", "/categorical"),
    "text without a coding": ({"features": ["city"]}, "not-numeric", "/features/0"),
    "text as a target": ({"target": "city"}, "not-numeric", "/target"),
    "more rows than there are": ({"rows": [0, 6]}, "invalid-value", "/rows/1"),
    "no rows": ({"rows": [3, 3]}, "invalid-value", "/rows"),
    "rows backwards": ({"rows": [3, 1]}, "invalid-value", "/rows"),
    "one end of rows": ({"rows": [3]}, "invalid-fields", "/rows"),
    "rows before the first": ({"rows": [-1, 3]}, "invalid-fields", "/rows"),
    "rows and between": ({"rows": [0, 3], "between": {"column": "a"}}, "invalid-value", "/between"),
    "between values of no column": ({"between": {"column": "z"}}, "unknown-column", "/between/column"),
    "between values of text": ({"between": {"column": "city"}}, "not-numeric", "/between/column"),
    "between values that are not sorted": ({"between": {"column": "b"}}, "not-sorted", "/between/column"),
    "between values where no row is": ({"between": {"column": "a", "from": 5.0, "to": 6.0}}, "invalid-value", "/between"),
    "between by another name": ({"between": {"column": "a", "from_": 1.0}}, "invalid-fields", "/between/from_"),
    "more terms than a fit may have": ({"features": ["a"], "degree": 1000}, "over-limit", "/degree"),
    "absurdly many terms": ({"degree": 2**60, "interactions": True}, "over-limit", "/degree"),
    "a way with dependent columns that is none": ({"rank_deficient": "pinv"}, "invalid-fields", "/rank_deficient"),
}


@pytest.fixture(scope="module")
def dataset_id(client: httpx.Client) -> str:
    return dataset(client, TABLE)


@pytest.mark.parametrize("wrong", WRONG)
def test_an_option_of_a_fit_to_a_data_set_is_refused_where_it_stands(
    client: httpx.Client, dataset_id: str, wrong: str
) -> None:
    """422 before there is a job, with the type and the pointer that a program needs."""
    options, slug, pointer = WRONG[wrong]

    problem = refused(client.post("/fit", json={"dataset_id": dataset_id, "target": "y", **options}), 422, slug)

    assert pointers(problem) == [pointer]


INLINE: dict[str, tuple[dict[str, Any], str, str]] = {
    "too few weights": ({"weights": [1.0, 2.0]}, "invalid-value", "/weights"),
    "weights below 0": ({"weights": [1.0, -2.0, 1.0]}, "bad-weight", "/weights/1"),
    "frequencies of a half": ({"weights": [1.0, 2.0, 0.5], "weight_type": "frequency"}, "bad-weight", "/weights/2"),
    "weights by no name": ({"weights": "w"}, "invalid-value", "/weights"),
    "a missing weight": ({"weights": [1.0, None, 1.0]}, "missing-value", "/weights/1"),
    "rows of rows sent along": ({"rows": [0, 2]}, "invalid-value", "/rows"),
    "a range of rows sent along": ({"between": {"column": "x"}}, "invalid-value", "/between"),
}


@pytest.mark.parametrize("wrong", INLINE)
def test_an_option_of_rows_sent_along_is_refused_where_it_stands(client: httpx.Client, wrong: str) -> None:
    """As of a data set; a weight by its place in the list."""
    options, slug, pointer = INLINE[wrong]

    problem = refused(client.post("/fit", json={"X": [[0.0], [1.0], [3.0]], "y": [1.0, 2.0, 2.5], **options}), 422, slug)

    assert pointers(problem) == [pointer]


def test_a_negative_weight_of_a_data_set_is_named_by_row_and_column(client: httpx.Client, dataset_id: str) -> None:
    """It is found when the rows are read: 422 all the same, within the wait."""
    spec = {"dataset_id": dataset_id, "target": "y", "weights": "w"}

    problem = refused(client.post("/fit", json=spec, headers={"Prefer": "wait=30"}), 422, "bad-weight")

    assert (problem["row"], problem["column"], problem["value"]) == (2, "w", -1.0)


def test_categories_beyond_the_limit_are_counted(client: httpx.Client) -> None:
    """A column of names is no category: more than a fit may have columns are refused with the limit."""
    id_ = dataset(client, {"name": [f"n{i}" for i in range(1001)], "y": [float(i) for i in range(1001)]})
    spec = {"dataset_id": id_, "target": "y", "categorical": "one_hot"}

    problem = refused(client.post("/fit", json=spec, headers={"Prefer": "wait=30"}), 422, "over-limit")

    assert problem["asked"] > problem["limit"]


@pytest.mark.parametrize("options", [
    {"l2": 0.5}, {"rank_deficient": "drop"}, {"rank_deficient": "minimum_norm"},
], ids=str)  # fmt: skip
def test_a_descent_goes_to_the_least_squares_alone(client: httpx.Client, dataset_id: str, options: dict[str, Any]) -> None:
    """What the descent would not arrive at is refused, not ignored."""
    spec = {"dataset_id": dataset_id, "target": "y", "method": "gradient_descent", **options}

    answer = client.post("/fit", json=spec)

    problem = refused(answer, 422, "not-supported" if "l2" in options else "invalid-value")
    assert pointers(problem) == [f"/{next(iter(options))}"]
