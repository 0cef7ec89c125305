"""What tests make first: rows in every form, data sets, models, and jobs that do not end by themselves."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
Values = Sequence[float] | Sequence[str] | Sequence[bool]
Columns = Mapping[str, Values]

LINE: Columns = {"x": [0.0, 1.0, 2.0, 3.0], "price": [1.0, 2.9, 5.2, 6.8]}


class Sent(TypedDict):
    """A body and its type, as httpx takes them."""

    content: bytes
    headers: dict[str, str]


def as_json(columns: Columns) -> Sent:
    return {"content": orjson.dumps({"columns": dict(columns)}), "headers": {"Content-Type": JSON}}


def as_csv(columns: Columns) -> Sent:
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
    return {"content": "\n".join(lines).encode(), "headers": {"Content-Type": CSV}}


def as_arrow(columns: Columns, max_chunksize: int | None = None) -> Sent:
    table, sink = pa.table({name: pa.array(values) for name, values in columns.items()}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize)
    return {"content": sink.getvalue(), "headers": {"Content-Type": ARROW}}


def as_parquet(columns: Columns) -> Sent:
    sink = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), sink)
    return {"content": sink.getvalue(), "headers": {"Content-Type": PARQUET}}


FORMS = {"json": as_json, "csv": as_csv, "arrow": as_arrow, "parquet": as_parquet}


def of_arrow(body: bytes) -> dict[str, list[Any]]:
    """The columns of an Arrow stream."""
    return pa.ipc.open_stream(body).read_all().to_pydict()


def ok(answer: httpx.Response, status: int = 201) -> Any:
    """The body of an answer that has this status."""
    assert answer.status_code == status, answer.text
    return answer.json()


def dataset(client: httpx.Client, columns: Columns = LINE, **fields: object) -> str:
    """The id of a new data set."""
    made: dict[str, str] = ok(client.post("/datasets", json={"columns": columns, **fields}))
    return made["id"]


def fit(client: httpx.Client, **spec: object) -> dict[str, Any]:
    """A new model."""
    model: dict[str, Any] = ok(client.post("/fit", json=spec, headers={"Prefer": "wait=30"}))
    return model


def descent(client: httpx.Client, epochs: int, **spec: object) -> str:
    """The URL of a descent's job that has ended: by default over four points."""
    rows = {} if "dataset_id" in spec else {"X": [[x] for x in LINE["x"]], "y": LINE["price"]}
    body = rows | {"method": "gradient_descent", "epochs": epochs} | spec
    return f"/jobs/{fit(client, **body)['job_id']}"


@contextmanager
def endless(client: httpx.Client, dataset_id: str, **options: object) -> Iterator[str]:
    """The URL of a mini-batch job with more epochs than anybody waits for; cancelled on the way out."""
    spec = {"dataset_id": dataset_id, "target": "y", "method": "gradient_descent", "batch_size": 1, "epochs": 900}
    job = ok(client.post("/fit", json=spec | options), 202)
    url = f"/jobs/{job['id']}"
    try:
        yield url
    finally:
        client.delete(url)


def many_rows(client: httpx.Client, n_samples: int = 100_000) -> str:
    """The id of a data set whose epochs take about a tenth of a second."""
    x = [i / n_samples for i in range(n_samples)]
    sent = as_arrow({"x": x, "y": [1.0 + 2.0 * value for value in x]})
    made: dict[str, str] = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))
    return made["id"]


def refused(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem, which must be of this type and say what is wrong."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["type"], problem["status"]) == (f"/problems/{slug}", status), problem
    assert problem["title"], problem
    assert problem["detail"], problem
    if status == 422:
        assert problem["errors"], problem
    return problem


def pointers(problem: Mapping[str, Any]) -> list[str]:
    """The JSON pointers of a problem's errors."""
    return [error["pointer"] for error in problem["errors"]]


def _cell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
