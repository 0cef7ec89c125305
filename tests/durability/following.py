"""Following jobs and processes: until they are somewhere, or a deadline that only a hanging service meets."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from numpy.typing import NDArray

UNFINISHED = ("queued", "running")
DEADLINE_S = 60.0

Json = dict[str, Any]
Event = tuple[str | None, str, str]  # id, name, data


def until(is_so: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for something."""
    deadline = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {deadline_s} s for: {what}"
        time.sleep(0.01)


def made(answer: httpx.Response, status: int = 201) -> Json:
    """What was answered, which must be a success."""
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


def job_of(client: httpx.Client, job_id: str) -> Json:
    return made(client.get(f"/jobs/{job_id}"), 200)


def reached(client: httpx.Client, job_id: str, epoch: int) -> None:
    """Wait until the job has come so far and is still running."""
    until(lambda: job_of(client, job_id)["epoch"] >= epoch, f"epoch {epoch} of {job_id}")
    assert job_of(client, job_id)["state"] == "running", "the job ended before it could be interrupted"


def ended(client: httpx.Client, job_id: str) -> Json:
    """The job when it has ended."""
    until(lambda: job_of(client, job_id)["state"] not in UNFINISHED, f"the end of {job_id}")
    return job_of(client, job_id)


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream; a last one that was cut off is left out, as an EventSource does."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            if "event" in fields:
                yield fields.get("id"), fields["event"], fields["data"]
            fields = {}


def story(client: httpx.Client, job_id: str) -> list[str]:
    """The data of all epochs, in order, byte for byte."""
    answer = client.get(f"/jobs/{job_id}/events")
    assert answer.status_code == 200, answer.text
    return [data for _, name, data in events(answer.text.split("\n")) if name == "epoch"]


def numbers_of(model: Json) -> Json:
    """A model without what differs from run to run: its ids and its times."""
    return {name: value for name, value in model.items() if name not in ("id", "job_id", "dataset_id", "meta")}


def model_of(client: httpx.Client, job: Json) -> Json:
    assert job["state"] == "done", job
    return numbers_of(made(client.get(f"/models/{job['model_id']}"), 200))


def row_files(folder: Path) -> set[str]:
    """All that lies in the folder of rows."""
    return {file.name for file in (folder / "rows").glob("*")}


def line_data(n_samples: int, n_features: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows around a plane: X (n, p), y (n,), in thousandths."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)).round(3)
    return X, (X.sum(axis=1) + rng.normal(size=n_samples)).round(3)


def inline(n_samples: int, n_features: int, seed: int = 0, **options: object) -> bytes:
    """The body of an inline fit."""
    X, y = line_data(n_samples, n_features, seed)
    return orjson.dumps({"X": X, "y": y, **options}, option=orjson.OPT_SERIALIZE_NUMPY)


def columns(n_samples: int, n_features: int, seed: int = 0) -> bytes:
    """The body of a data set."""
    X, y = line_data(n_samples, n_features, seed)
    named = {f"x{j}": np.ascontiguousarray(X[:, j]) for j in range(n_features)} | {"y": y}
    return orjson.dumps({"columns": named}, option=orjson.OPT_SERIALIZE_NUMPY)


def post(client: httpx.Client, url: str, body: bytes | object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(url, content=content, headers={"Content-Type": "application/json"} | named)
