"""`source`: rows that the service reads where they lie, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conformance import Conformance
from tests.api.made import FORMS, as_csv, as_json, ok, pointers, refused
from tests.process import Service

COLUMNS = {"x": [0.1 * i for i in range(50)], "y": [0.3 * i * i for i in range(50)]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    (folder / "a.parquet").write_bytes(FORMS["parquet"](COLUMNS)["content"])
    (folder / "b.csv").write_bytes(as_csv(COLUMNS)["content"])
    (folder / "bad.csv").write_bytes(b"x,y\n1,2\n1\n")
    return folder


@pytest.fixture(scope="module")
def allowed(root: Path, conformance: Conformance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        Service(tmp_path_factory.mktemp("allowed") / "data", source_roots=f"file://{root}") as running,
        running.client() as client,
    ):
        client.event_hooks["response"] = [conformance.check]
        yield client


def test_rows_are_copied_from_where_they_lie(allowed: httpx.Client, root: Path) -> None:
    """Bit for bit those of an upload, and the data set's own from then on."""
    once = ok(allowed.post("/datasets", **as_json({name: values * 2 for name, values in COLUMNS.items()})))["id"]

    id_ = ok(allowed.post("/datasets", json={"source": f"file://{root}/[ab].*", "name": "lying there"}))["id"]

    digests = [ok(allowed.get(f"/datasets/{one}/moments"), 200)["digest"] for one in (once, id_)]
    assert digests[0] == digests[1]
    (root / "a.parquet").rename(root / "gone")
    assert ok(allowed.get(f"/datasets/{id_}/rows", params={"limit": 1}), 200)["columns"] == {"x": [0.0], "y": [0.0]}
    (root / "gone").rename(root / "a.parquet")


def test_what_is_wrong_with_a_source_is_said_at_its_pointer(allowed: httpx.Client, root: Path) -> None:
    """Where it is not allowed, names nothing, or a file cannot be read: which, and where in it."""
    for source in (f"file://{root.parent}", f"file://{root}/none.csv", "rows.csv"):
        assert pointers(refused(allowed.post("/datasets", json={"source": source}), 422, "bad-source")) == ["/source"]
    problem = refused(allowed.post("/datasets", json={"source": f"file://{root}/bad.csv"}), 422, "ragged-row")
    assert (problem["file"], problem["row"], pointers(problem)) == ("bad.csv", 1, ["/source"])
    both = allowed.post("/datasets", json={"source": f"file://{root}/b.csv", "columns": COLUMNS})
    assert pointers(refused(both, 422, "invalid-fields")) == ["/columns"]


def test_without_roots_no_source_is_read(client: httpx.Client, root: Path) -> None:
    """As it is unless an operator says so."""
    problem = refused(client.post("/datasets", json={"source": f"file://{root}/b.csv"}), 422, "bad-source")

    assert "source_roots" in problem["detail"]
