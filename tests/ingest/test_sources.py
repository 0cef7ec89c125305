"""Sources: what an address names under a root, and that nothing leads out of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.ingest.errors import BadSource, IngestError, NoRows, TooManyRows, WrongType
from service.ingest.formats import Asked
from service.ingest.sources import Root, batches, found
from service.ingest.times import TIMESTAMP

TABLE = pa.table({"x": [1.0, 2.0], "t": ["a", "b"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root `in` with files, a file beside it, and links between them."""
    inside = tmp_path / "in"
    (inside / "deep").mkdir(parents=True)
    for name in ("a.parquet", "deep/b.parquet", "_late.parquet"):
        pq.write_table(TABLE, inside / name)
    (inside / "c.csv").write_text("t,x\nc,3\n")
    (tmp_path / "secret.csv").write_text("x\n1\n")
    (inside / "_out.csv").symlink_to(tmp_path / "secret.csv")
    (inside / "up").symlink_to(tmp_path)
    (inside / "again.csv").symlink_to(inside / "c.csv")
    (tmp_path / "in2").mkdir()
    (tmp_path / "in2" / "a.csv").write_text("x\n1\n")
    return tmp_path


def names_of(source: str, folder: Path) -> list[str]:
    files = found(f"file://{folder}/{source}", [Root(f"file://{folder}/in")])
    return [str(Path(file.path).relative_to(folder / "in")) for file in files]


def read(source: str, folder: Path, max_rows: int = 100) -> pa.Table:
    files = found(f"file://{folder}/{source}", [Root(f"file://{folder}/in")])
    asked = Asked(content_type="", folder=folder, max_bytes=10**6, max_columns=10, max_rows=max_rows)
    return pa.Table.from_batches(batches(files, asked))


def test_a_source_is_a_file_a_folder_or_a_pattern(folder: Path) -> None:
    """In the order of names; hidden ones are left out of a folder, and a pattern is of as many parts as it has."""
    assert names_of("in/a.parquet", folder) == ["a.parquet"]
    assert names_of("in", folder) == ["a.parquet", "again.csv", "c.csv", "deep/b.parquet"]
    assert names_of("in/*.parquet", folder) == ["_late.parquet", "a.parquet"]
    assert names_of("in/*/[ab].parquet", folder) == ["deep/b.parquet"]
    assert names_of("in/again.csv", folder) == ["c.csv"]


@pytest.mark.parametrize(
    "source",
    [
        "secret.csv", "in/../secret.csv", "in/%2e%2e/secret.csv", "in/_out.csv", "in/up/secret.csv", "in/up", "in/up/*.csv",
        "in/_out*.csv", "in2/a.csv", "in/none.csv", "in/none", "", "in/a.parquet?x=1", "in/\0",
    ],
)  # fmt: skip
def test_nothing_outside_a_root_is_found(source: str, folder: Path) -> None:
    """Neither by the way up, nor by a link, nor by a name that begins as the root's does."""
    with pytest.raises(BadSource):
        names_of(source, folder)


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "s3://in/a.csv",
        "http://127.0.0.1/a.csv",
        "file://host/in/a.csv",
        "s3://key@bucket/a.csv",
        "s3://[bucket/a.csv",
        "s3://\u2100/a.csv",
    ],
)
def test_another_scheme_or_host_is_refused(source: str, folder: Path) -> None:
    """Before anything is asked of it; and without roots everything is."""
    with pytest.raises(BadSource):
        found(source, [Root(f"file://{folder}/in"), Root("s3://bucket/prefix")])
    with pytest.raises(BadSource, match="source_roots"):
        found(f"file://{folder}/in/a.parquet", [])


def test_the_files_of_a_folder_are_one_table(folder: Path) -> None:
    """Of any formats, columns by name, types as the first file has them; empty files are nothing."""
    (folder / "in" / "d.csv").write_text("x,t\n")
    (folder / "in" / "e.csv").write_text("x,t\n4,007\n")

    assert read("in/[!_]*.*", folder).to_pydict() == {
        "x": [1.0, 2.0, 3.0, 3.0, 4.0],
        "t": ["a", "b", "c", "c", "007"],
    }
    with pytest.raises(TooManyRows):
        read("in/[!_]*.*", folder, max_rows=4)
    with pytest.raises(NoRows):
        read("in/d.csv", folder)


@pytest.mark.parametrize(
    ("text", "kind"), [("x,u\n1,a\n", BadSource), ("x,t\nmany,a\n", WrongType), ("x,t\n1\n", IngestError)]
)
def test_what_is_wrong_with_a_file_names_it(folder: Path, text: str, kind: type[IngestError]) -> None:
    """Rows are counted from its first."""
    (folder / "in" / "d.csv").write_text(text)

    with pytest.raises(kind) as caught:
        read("in/[ad].*", folder)

    assert vars(caught.value)["file"] == "d.csv"


def test_times_are_times_in_files_of_all_kinds(tmp_path: Path) -> None:
    """Text in a CSV, days in a Parquet, and missing ones of a type that says nothing."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("t,x\n2026-11-28,1\n")
    pq.write_table(pa.table({"t": pa.array([20785], pa.date32()), "x": [2.0]}), tmp_path / "in" / "b.parquet")
    pq.write_table(pa.table({"t": pa.nulls(1), "x": [3.0]}), tmp_path / "in" / "c.parquet")

    table = read("in", tmp_path)

    assert table.schema.types == [TIMESTAMP, pa.float64()]
    found = [value for cells in table.column("t").chunks for value in cells.view(pa.int64()).to_pylist()]
    assert found == [1_795_824_000_000_000, 1_795_824_000_000_000, None]


def test_a_file_of_an_unknown_kind_is_refused(folder: Path) -> None:
    """And not left out."""
    (folder / "in" / "deep" / "notes.txt").write_text("x\n1\n")

    with pytest.raises(BadSource, match=r"notes\.txt"):
        read("in/deep", folder)


def test_no_file_of_a_folder_is_left_out_unsaid(folder: Path) -> None:
    """A link out of the roots, one to nothing, a pipe, which would be waited for, a name that is no text: each is named."""
    links = folder / "in" / "links"
    makers: dict[str, Callable[[Path], None]] = {
        "source_roots": lambda path: path.symlink_to(folder / "secret.csv"),
        "link to none": lambda path: path.symlink_to(folder / "in" / "nothing.csv"),
        "is no file": os.mkfifo,
    }
    for what, make in makers.items():
        links.mkdir(exist_ok=True)
        make(links / "z.csv")
        with pytest.raises(BadSource, match=what) as caught:
            names_of("in/links", folder)
        assert "z.csv" in str(caught.value)
        (links / "z.csv").unlink()
    Path(os.fsdecode(os.fsencode(links) + b"/\xff.csv")).write_text("x\n1\n")
    with pytest.raises(BadSource, match="UTF-8") as caught:
        names_of("in/links", folder)
    str(caught.value).encode()


def test_a_link_may_lead_under_another_root(folder: Path) -> None:
    """Whatever their order, and whether one is under the other."""
    roots = [Root(f"file://{folder}/in"), Root(f"file://{folder}")]
    for allowed in (roots, roots[::-1]):
        assert [Path(file.path).name for file in found(f"file://{folder}/in/_o*.csv", allowed)] == ["_out.csv"]


def test_two_stars_are_refused(folder: Path) -> None:
    """Elsewhere they mean folders of any depth; taken for one they would leave out files."""
    with pytest.raises(BadSource, match="all its folders"):
        names_of("in/**/*.parquet", folder)
