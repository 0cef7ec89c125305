"""Problems: every error has a stable type, says what is wrong and where, and what would be right."""

import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from service.api.errors import ApiError
from service.api.problems import PROBLEMS
from service.ingest.errors import IngestError
from service.jobs.state import JobError
from service.registry.errors import RegistryError
from service.solver.errors import SolverError
from tests.api.made import ARROW, FORMS, Columns, Sent, as_arrow, as_csv, dataset, ok, pointers, refused

# What no request is known to cause: sums that cannot be joined, a client that is gone, a full disk, a limit of
# 65,536 bits; and a fit to nothing, which the API refuses by the field that asks for it.
UNREACHABLE = {"dataset-busy", "column-mismatch", "weight-mismatch", "reading-mismatch", "not-contained", "incomplete-body", "storage-full", "unresolved",
               "no-features", "worker-lost"}  # fmt: skip
DESCENT = {"method": "gradient_descent"}
AS_JSON = {"Content-Type": "application/json"}
INLINE: dict[str, Any] = {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 1.0, 2.5]}
THREE: Columns = {"x": [0.0, 1.0, 2.0], "double": [0.0, 2.0, 4.0], "y": [1.0, 2.0, 4.0], "city": ["a", "b", "c"]}


def leaves(error: type[Exception]) -> set[type[Exception]]:
    """The classes below that have none below them."""
    below = error.__subclasses__()
    return set().union(*map(leaves, below)) if below else {error}


@pytest.mark.parametrize("family", [SolverError, IngestError, RegistryError, JobError, ApiError])
def test_every_error_has_a_problem_type(family: type[Exception]) -> None:
    """None can reach a client as a failure of the service."""
    assert leaves(family) <= PROBLEMS.keys()


def test_a_type_has_one_status_and_titles_say_what_is_so() -> None:
    """A program tells problems apart by `type`; people read the title, which is the error's docstring.

    That there are no rows is one thing to say: of a body it is a 422, of a data set made of moments a 409.
    """
    statuses = {slug: status for status, slug in PROBLEMS.values()}

    assert {slug for status, slug in PROBLEMS.values() if statuses[slug] != status} == {"no-rows"}
    assert all((error.__doc__ or "").strip() for error in PROBLEMS)


def test_every_problem_that_a_client_can_cause_is_caused_here() -> None:
    """Each type but those that no request can cause is asked for by name in one of these tests."""
    texts = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    quoted = set(re.findall(r'"[a-z/-]+"', texts))
    never = {slug for _, slug in PROBLEMS.values() if not {f'"{slug}"', f'"/problems/{slug}"'} & quoted}

    assert never == set()


@pytest.mark.parametrize("path", ["/datasets", "/fit", "/predict"])
@pytest.mark.parametrize("text", [b"", b"{", b"{'x': 1}", b"\xff", b"[1,]"], ids=repr)
def test_a_body_that_is_not_json_is_400_and_says_where(client: httpx.Client, path: str, text: bytes) -> None:
    """Line and column, as far as it could be read."""
    problem = refused(client.post(path, content=text, headers={"Content-Type": "application/json"}), 400, "not-json")

    assert "JSON" in problem["detail"]


BODIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "invalid-fields", ""),
    "an unknown field": ({"columns": {"x": [1.0]}, "colour": 1}, "invalid-fields", "/colour"),
    "a source that nobody allows": ({"source": "file:///x"}, "bad-source", "/source"),
    "text for a number": ({"X": [[1.0], ["2"]], "y": [1.0, 2.0]}, "invalid-fields", "/X/1/0"),
    "true for a number": ({"X": [[True]], "y": [1.0]}, "invalid-fields", "/X/0/0"),
    "too large a number": ({"columns": {"x": [1.0, 10**400]}}, "invalid-fields", "/columns/x/1"),
    "infinity": ({"columns": {"x": [1.0, 2.0], "y": [1.0, float("inf")]}}, "invalid-fields", "/columns/y/1"),
    "NaN": ({"X": [[1.0, 2.0], [3.0, float("nan")]], "y": [1.0, 2.0]}, "invalid-fields", "/X/1/1"),
    "a long text": ({"columns": {"t": ["a", "w" * 40_000]}}, "text-too-long", "/columns/t/1"),
    "a long row": ({"columns": {"t": ["w" * 30_000], "u": ["w" * 30_000], "v": ["w" * 30_000]}}, "text-too-long", "/columns"),
    "too many moments": ({"moments": [{"columns": ["x"], "sums": [["1", "1"], ["1"]]}] * 1001}, "invalid-fields", "/moments"),
    "a mixed column": ({"columns": {"x": [1.0, "two"]}}, "invalid-fields", "/columns/x/1"),
    "X without y": ({"X": [[1.0]]}, "invalid-fields", "/y"),
    "names in the wrong number": ({"X": [[1.0]], "y": [1.0], "feature_names": ["a", "b"]}, "invalid-fields", "/feature_names"),
    "no rows": ({"columns": {"x": []}}, "no-rows", "/columns"),
    "no columns": ({"columns": {}}, "no-columns", "/columns"),
    "no rows of X": ({"X": [], "y": []}, "no-rows", "/X"),
    "no columns of X": ({"X": [[]], "y": [1.0]}, "no-columns", "/X"),
    "a ragged row": ({"X": [[1.0, 2.0], [3.0, 4.0], [5.0]], "y": [1.0, 2.0, 3.0]}, "ragged-row", "/X/2"),
    "a short column": ({"columns": {"x": [1.0, 2.0], "y": [1.0]}}, "unequal-columns", "/columns"),
    "a short y": ({"X": [[1.0], [2.0]], "y": [1.0]}, "unequal-columns", "/y"),
    "an empty name": ({"columns": {"": [1.0]}}, "bad-name", "/columns/"),
    "a reserved name": ({"columns": {"intercept": [1.0]}}, "bad-name", "/columns/intercept"),
    "a repeated name": ({"X": [[1.0, 2.0]], "y": [1.0], "feature_names": ["a", "a"]}, "bad-name", ""),
    "too large": ({"columns": {"x": [1.0, 1e151]}}, "out-of-range", "/columns/x/1"),
    "too small": ({"X": [[1.0], [1e-151]], "y": [1.0, 2.0]}, "out-of-range", "/X/1/0"),
    "y too large": ({"X": [[1.0], [2.0]], "y": [1.0, -1e200]}, "out-of-range", "/y/1"),
    "too many digits": ({"columns": {"x": [0.1 + 0.2]}, "numbers": "decimal"}, "too-many-digits", "/columns/x/0"),
    "an unknown reading": ({"columns": {"x": [1.0]}, "numbers": "float32"}, "invalid-fields", "/numbers"),
    "a sample of none": ({"sample": {"n_samples": 0, "slope": 1.0}}, "invalid-fields", "/sample/n_samples"),
    "a sample without slope": ({"sample": {"n_samples": 1}}, "invalid-fields", "/sample/slope"),
    "a sample beside rows": ({"sample": {"n_samples": 1, "slope": 1.0}, "y": [1.0]}, "invalid-fields", "/y"),
}


@pytest.mark.parametrize(("body", "slug", "pointer"), BODIES.values(), ids=BODIES)
def test_what_is_wrong_with_a_data_set_is_said_where_it_is(
    client: httpx.Client, body: dict[str, Any], slug: str, pointer: str
) -> None:
    """A pointer into what was sent; nothing of it is kept."""
    newest = ok(client.get("/datasets", params={"limit": 1}), 200)

    problem = refused(client.post("/datasets", content=json.dumps(body), headers=AS_JSON), 422, slug)

    assert pointers(problem) == [pointer]
    assert ok(client.get("/datasets", params={"limit": 1}), 200) == newest


def test_a_ragged_row_is_given_with_its_length(client: httpx.Client) -> None:
    """Which row, how many values it has and how many it should have, in JSON and CSV."""
    by_json = client.post("/datasets", json={"X": [[1.0, 2.0], [1.0, 2.0, 3.0]], "y": [1.0, 2.0]})
    by_csv = client.post("/datasets", content=b"a,b\n1,2\n1,2,3\n", headers={"Content-Type": "text/csv"})

    for answer in (by_json, by_csv):
        problem = refused(answer, 422, "ragged-row")
        assert (problem["row"], problem["expected"], problem["got"]) == (1, 2, 3)
        assert "row 1 has 3 values, expected 2" in problem["detail"]


TABLES: dict[str, tuple[str, Sent, int, str, dict[str, object]]] = {
    "an empty CSV": ("text/csv", as_csv({}), 422, "no-rows", {}),
    "a header alone": ("text/csv", {"content": b"x,y\n", "headers": {}}, 422, "no-rows", {}),
    "no header": ("text/csv", {"content": b"1,2\n3,4\n", "headers": {}}, 400, "bad-csv", {}),
    "an open quote": ("text/csv", {"content": b'x\n"1\n', "headers": {}}, 400, "bad-csv", {}),
    "nan": ("text/csv", {"content": b"x\n1\nnan\n", "headers": {}}, 422, "not-finite", {"row": 1, "column": "x"}),
    "inf": ("text/csv", {"content": b"x,y\n1,2\n3,4\n5,-inf\n", "headers": {}}, 422, "not-finite", {"row": 2, "column": "y"}),
    "a repeated name": ("text/csv", {"content": b"x,x\n1,2\n", "headers": {}}, 422, "bad-name", {"name": "x"}),
    "no Arrow": ("arrow", {"content": b"rows", "headers": {}}, 400, "bad-arrow", {}),
    "half an Arrow": ("arrow", {"content": as_arrow({"x": [1.0]})["content"][:-150], "headers": {}}, 400, "bad-arrow", {}),
    "a NaN in Arrow": ("arrow", as_arrow({"x": [1.0, float("nan")]}), 422, "not-finite", {"row": 1, "column": "x"}),
    "a long text": (
        "text/csv",
        {"content": b"t\na\n" + b"w" * 40_000 + b"\n", "headers": {}},
        422,
        "text-too-long",
        {"row": 1},
    ),
    "a large integer": ("arrow", as_arrow({"x": [1, 2**53 + 1]}), 422, "lossy-integer", {"row": 1, "column": "x"}),
    "lists": ("arrow", as_arrow({"x": [[1.0]]}), 422, "unsupported-column", {"column": "x"}),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("type_", "sent", "status", "slug", "members"), TABLES.values(), ids=TABLES)
def test_what_is_wrong_with_a_table_is_said_where_it_is(
    client: httpx.Client, type_: str, sent: Sent, status: int, slug: str, members: dict[str, object]
) -> None:
    """Rows are counted from 0, the header left out; the row and column are members of the problem."""
    content_type = as_arrow({"x": [1.0]})["headers"]["Content-Type"] if type_ == "arrow" else type_

    problem = refused(client.post("/datasets", content=sent["content"], headers={"Content-Type": content_type}), status, slug)

    assert {name: problem[name] for name in members} == members


def test_a_cell_that_does_not_fit_its_column_is_given_by_value(client: httpx.Client) -> None:
    """A column's type is fixed by its first block: later text in a column of numbers is shown, with its row."""
    rows = b"x\n" + b"1.5\n" * 1_100_000 + b"many\n"

    problem = refused(client.post("/datasets", content=rows, headers={"Content-Type": "text/csv"}), 422, "wrong-type")

    assert (problem["row"], problem["column"], problem["value"]) == (1_100_000, "x", "many")
    assert "a number" in problem["detail"]


FITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "invalid-value", "/dataset_id"),
    "X without y": ({"X": [[1.0]]}, "invalid-value", "/y"),
    "y without X": ({"y": [1.0]}, "invalid-value", "/X"),
    "a data set without target": ({"dataset_id": "THREE"}, "invalid-value", "/target"),
    "a data set and rows": ({"dataset_id": "THREE", "target": "y", "X": [[1.0]]}, "invalid-value", "/X"),
    "a data set and a reading": ({"dataset_id": "THREE", "target": "y", "numbers": "decimal"}, "invalid-value", "/numbers"),
    "rows and features": (INLINE | {"features": ["x"]}, "invalid-value", "/features"),
    "rows and a version": (INLINE | {"dataset_version": 1}, "invalid-value", "/dataset_version"),
    "an unknown option": (INLINE | {"ridge": 1}, "invalid-fields", "/ridge"),
    "an unknown method": (INLINE | {"method": "magic"}, "invalid-fields", "/method"),
    "no rate": (INLINE | DESCENT | {"learning_rate": 0.0}, "invalid-fields", "/learning_rate"),
    "an unknown rate": (INLINE | DESCENT | {"learning_rate": "fast"}, "invalid-fields", "/learning_rate"),
    "no epochs": (INLINE | DESCENT | {"epochs": 0}, "invalid-fields", "/epochs"),
    "half an epoch": (INLINE | DESCENT | {"epochs": 1.5}, "invalid-fields", "/epochs"),
    "an unknown target": ({"dataset_id": "THREE", "target": "price"}, "unknown-column", "/target"),
    "an unknown feature": ({"dataset_id": "THREE", "target": "y", "features": ["x", "z"]}, "unknown-column", "/features/1"),
    "a target of text": ({"dataset_id": "THREE", "target": "city"}, "not-numeric", "/target"),
    "a feature of text": ({"dataset_id": "THREE", "target": "y", "features": ["city"]}, "not-numeric", "/features/0"),
    "the target as feature": ({"dataset_id": "THREE", "target": "y", "features": ["y"]}, "invalid-value", "/features/0"),
    "a feature twice": ({"dataset_id": "THREE", "target": "y", "features": ["x", "x"]}, "invalid-value", "/features/1"),
    "a dependent column": ({"dataset_id": "THREE", "target": "y"}, "rank-deficient", ""),
    "no features": ({"dataset_id": "THREE", "target": "y", "features": []}, "invalid-value", "/features"),
    "too few rows": ({"X": [[1.0, 2.0]], "y": [1.0]}, "too-few-rows", ""),
    "a slope beyond doubles": (
        {"X": [[1e-150], [1.0000000000000002e-150]], "y": [1e150, -1e150], "rank_deficient": "allow"},
        "coefficient-out-of-range", ""),
    "a missing cell": ({"X": [[1.0], [None], [3.0]], "y": [1.0, 2.0, 4.0]}, "missing-value", "/X/1/0"),
    "a missing target": (INLINE | {"y": [1.0, None, 4.0], "missing": "mean"}, "missing-value", "/y/1"),
    "a degree of 0": (INLINE | {"degree": 0}, "invalid-fields", "/degree"),
    "too high a degree": (INLINE | {"degree": 1000}, "over-limit", "/degree"),
    "two terms of one name": (
        {"X": [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [5.0, 4.0], [6.0, 2.0]], "y": [1.0, 2.0, 4.0, 3.0, 2.0], "feature_names": ["x", "x^2"],
         "degree": 2}, "ambiguous-term", ""),
    "an unknown column of weights": (INLINE | {"weights": "w"}, "invalid-value", "/weights"),
    "too few weights": (INLINE | {"weights": [1.0]}, "invalid-value", "/weights"),
    "a negative weight": (INLINE | {"weights": [1.0, 2.0, -1.0]}, "bad-weight", "/weights/2"),
    "half a frequency": (INLINE | {"weights": [1.0, 2.5, 1.0], "weight_type": "frequency"}, "bad-weight", "/weights/1"),
    "a type of no weights": (INLINE | {"weight_type": "frequency"}, "invalid-value", "/weight_type"),
    "a negative penalty": (INLINE | {"l2": -1.0}, "invalid-fields", "/l2"),
    "a penalised descent": (INLINE | DESCENT | {"l2": 1.0}, "not-supported", "/l2"),
    "a descent that drops": (INLINE | DESCENT | {"rank_deficient": "drop"}, "invalid-value", "/rank_deficient"),
    "batches of powers": (INLINE | DESCENT | {"batch_size": 1, "degree": 2}, "not-supported", "/degree"),
    "rows of inline rows": (INLINE | {"rows": [0, 2]}, "invalid-value", "/rows"),
    "rows from one place": ({"dataset_id": "THREE", "target": "y", "rows": [1]}, "invalid-fields", "/rows"),
    "rows backwards": ({"dataset_id": "THREE", "target": "y", "rows": [2, 1]}, "invalid-value", "/rows"),
    "rows past the end": ({"dataset_id": "THREE", "target": "y", "rows": [0, 9]}, "invalid-value", "/rows/1"),
    "rows twice": (
        {"dataset_id": "THREE", "target": "y", "rows": [0, 2], "between": {"column": "x"}}, "invalid-value", "/between"),
    "between text": ({"dataset_id": "THREE", "target": "y", "between": {"column": "city"}}, "not-numeric", "/between/column"),
    "between nothing": (
        {"dataset_id": "THREE", "target": "y", "features": ["x"], "between": {"column": "x", "from": 1e6}}, "invalid-value",
        "/between"),
    "a number too large": (INLINE | {"y": [1.0, 2.0, 1e200]}, "out-of-range", "/y/2"),
}  # fmt: skip
METHODS = {"learning_rate": 0.1, "epochs": 5, "tol": 0.1, "batch_size": 2, "random_state": 1, "on_divergence": "run"}
LATER = {"l1": 0.1}


@pytest.mark.parametrize(("body", "slug", "pointer"), FITS.values(), ids=FITS)
def test_what_is_wrong_with_a_fit_is_said_where_it_is(
    client: httpx.Client, body: dict[str, Any], slug: str, pointer: str
) -> None:
    """Before there is a job: a pointer to the field."""
    if "dataset_id" in body:
        body = body | {"dataset_id": dataset(client, THREE)}

    problem = refused(client.post("/fit", json=body), 422, slug)

    assert pointers(problem) == [pointer]


@pytest.mark.parametrize("option", METHODS)
def test_an_option_that_the_method_does_not_use_is_named(client: httpx.Client, option: str) -> None:
    """It is an error, never ignored, and says which method does not use it."""
    problem = refused(client.post("/fit", json=INLINE | {option: METHODS[option]}), 422, "option-not-used")

    assert pointers(problem) == [f"/{option}"]
    assert option in problem["detail"]
    assert "normal_equation" in problem["detail"]


def test_a_random_state_is_used_by_mini_batches_alone(client: httpx.Client) -> None:
    """Batch descent draws nothing."""
    problem = refused(client.post("/fit", json=INLINE | DESCENT | {"random_state": 1}), 422, "option-not-used")

    assert pointers(problem) == ["/random_state"]


@pytest.mark.parametrize("option", LATER)
def test_an_option_that_is_not_built_yet_is_named(client: httpx.Client, option: str) -> None:
    """It is an error that says so; its default is taken."""
    problem = refused(client.post("/fit", json=INLINE | {option: LATER[option]}), 422, "not-supported")

    assert pointers(problem) == [f"/{option}"]
    assert "not supported yet" in problem["detail"]


def test_a_problem_says_what_would_be_right(client: httpx.Client) -> None:
    """Dependent columns by name and relation, columns that there are, limits of what a number may be."""
    id_ = dataset(client, THREE)
    dependent = refused(client.post("/fit", json={"dataset_id": id_, "target": "y"}), 422, "rank-deficient")
    unknown = refused(client.post("/fit", json={"dataset_id": id_, "target": "z"}), 422, "unknown-column")
    large = refused(client.post("/datasets", json={"columns": {"x": [1e200]}}), 422, "out-of-range")
    none = refused(client.post("/fit", json={"dataset_id": id_, "target": "y", "features": []}), 422, "invalid-value")
    alone = refused(
        client.post("/fit", json={"dataset_id": dataset(client, {"y": [1.0, 2.0]}), "target": "y"}), 422, "invalid-value"
    )
    few = refused(client.post("/fit", json={"X": [[1.0, 2.0]], "y": [1.0]}), 422, "too-few-rows")

    assert dependent["dependent"] == ["double"]
    assert "drop" in dependent["title"]
    assert unknown["columns"] == ["x", "double", "y", "city"]
    assert "'x', 'double', 'y', 'city'" in unknown["detail"]
    assert "1e-150 .. 1e150" in large["title"]
    assert "leave it out" in none["detail"]
    assert "no numeric column besides the target" in alone["detail"]
    assert "1 rows for 3 coefficients" in few["detail"]


def test_a_name_that_cannot_be_shown_is_no_column(client: httpx.Client) -> None:
    """At most 200 characters, none of them a control character, in every form and of rows in the call too."""
    for name in ("n" * 201, "a\x1b[31mb", "a\x00", "a\x85b"):
        for form in FORMS.values():
            refused(client.post("/datasets", **form({name: [1.0, 2.0], "y": [1.0, 2.0]})), 422, "bad-name")
        refused(client.post("/fit", json=INLINE | {"feature_names": [name]}), 422, "bad-name")
        refused(client.post("/fit", json=INLINE | {"target": name}), 422, "bad-name")

    dataset(client, {"n" * 200: [1.0], "Größe 🏠 नमस्ते": [1.0]})


def test_a_source_is_of_new_data_sets_alone(client: httpx.Client) -> None:
    """Elsewhere the same field is as unknown as any."""
    alias = refused(client.put("/aliases/prices", json={"model_id": "mdl_1", "source": 1}), 422, "invalid-fields")

    assert alias["errors"] == [{"pointer": "/source", "detail": "unknown field"}]


def test_several_faults_are_said_at_once(client: httpx.Client) -> None:
    """Whoever mends a body need not find them one by one."""
    body = {"method": "magic", "epochs": "many", "X": [["1"]], "tomorrow": 1}

    problem = refused(client.post("/fit", json=body), 422, "invalid-fields")

    assert set(pointers(problem)) == {"/method", "/epochs", "/X/0/0", "/tomorrow"}


def test_no_such_path_and_no_such_method(client: httpx.Client) -> None:
    """What the framework refuses is a problem too."""
    refused(client.get("/nowhere"), 404, "not-found")
    answer = client.put("/fit", json={})
    refused(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_long_values_are_cut_short(client: httpx.Client) -> None:
    """An answer repeats enough of a value to find it, not a megabyte of it."""
    for form in FORMS.values():
        answer = client.post("/predict", params={"model_id": "m" * 5000}, **form({"x": ["y" * 100_000]}))
        assert answer.status_code in (404, 422)
        assert len(answer.content) < 12_000


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("DELETE", "/datasets/ds_1?version=1", ""),
        ("POST", "/datasets?nmae=x", "'name' is"),
        ("POST", "/predict?model_id=m&intervall=prediction", "'interval' is"),
        ("GET", "/jobs?state=done", ""),
        ("GET", "/datasets/ds_1/rows?fromat=csv", "'format' is"),
    ],
)
def test_a_parameter_that_a_call_does_not_know_is_refused(client: httpx.Client, method: str, path: str, near: str) -> None:
    """A slip in a name would change what is done: without its condition a removal would take everything."""
    problem = refused(
        client.request(method, path, content=b"x\n1\n", headers={"Content-Type": "text/csv"}), 422, "invalid-value"
    )

    assert problem["errors"][0]["parameter"] == list(httpx.URL(path).params)[-1]
    assert near in problem["detail"]


def test_a_body_may_not_unpack_to_more_than_a_body_may_be(small: httpx.Client) -> None:
    """A dictionary says a long text in a byte; nothing of it is kept."""
    words = pa.DictionaryArray.from_arrays(pa.array([0] * 900, pa.int16()), ["w" * 30_000])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, pa.schema([("t", words.type)])) as writer:
        writer.write_batch(pa.record_batch([words], names=["t"]))

    refused(small.post("/datasets", content=sink.getvalue(), headers={"Content-Type": ARROW}), 413, "body-too-large")


def test_a_category_names_a_term_and_is_no_longer_than_a_name(client: httpx.Client) -> None:
    """A model has its categories in the names of many terms."""
    id_ = dataset(client, {"g": ["a", "b", "w" * 201, "a"], "y": [1.0, 2.0, 3.0, 5.0]})

    problem = refused(
        client.post("/fit", json={"dataset_id": id_, "target": "y", "categorical": "one_hot"}), 422, "long-category"
    )

    assert (problem["column"], problem["length"], problem["limit"]) == ("g", 201, 200)


def test_rows_in_a_call_that_are_many_are_not_kept(client: httpx.Client) -> None:
    """The model is there, and what needs its rows says how they would have been kept."""
    n = (1 << 16) + 1  # of two doubles a row: just above 1 MiB
    model = ok(client.post("/fit", json={"X": [[i % 7] for i in range(n)], "y": [i % 5 for i in range(n)]}))["id"]

    for params in ({}, {"top": 3}):
        problem = refused(client.get(f"/models/{model}/diagnostics", params=params), 409, "rows-not-kept")
        assert (problem["model_id"], problem["most_bytes"]) == (model, 1 << 20)
        assert "POST /datasets" in problem["detail"]
