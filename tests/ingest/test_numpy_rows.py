"""numpy's files: what is read, whatever its type and order, what is refused, and that no header makes anything be allocated."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ingest import numpy_rows
from service.ingest.errors import (
    BadNumpy,
    IngestError,
    LossyInteger,
    LossyTimestamp,
    NoRows,
    TooLong,
    TooManyColumns,
    TooManyRows,
    UnequalColumns,
    UnsupportedColumn,
)
from service.ingest.times import TIMESTAMP

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
LIMITS: dict[str, Any] = {"max_bytes": 10**8, "max_columns": 100, "max_rows": 10**6}
X = np.arange(12, dtype=float).reshape(4, 3) / 7


def npy(array: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=True)
    return sink.getvalue()


def npz(**arrays: Any) -> bytes:
    sink = io.BytesIO()
    np.savez_compressed(sink, **arrays)
    return sink.getvalue()


def read(body: bytes, folder: Path, **asked: Any) -> pa.Table:
    batches = numpy_rows.npz_batches if body[:2] == b"PK" else numpy_rows.npy_batches
    return pa.Table.from_batches(batches(io.BytesIO(body), folder, **(LIMITS | asked)))


def error(body: bytes, folder: Path, **asked: Any) -> IngestError:
    with pytest.raises(IngestError) as caught:
        read(body, folder, **asked)
    return caught.value


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f2", "<i8", ">i4", "u1", "<u8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_number_order_and_endianness_keep_their_values(dtype: str, order: Any, tmp_path: Path) -> None:
    """A matrix of x1, x2, … and a column x."""
    array = np.array([[0, 1, 2], [3, 4, 1]]).astype(dtype, order=order)

    found = read(npy(array), tmp_path)

    assert found.column_names == ["x1", "x2", "x3"]
    assert np.column_stack([column.to_numpy(zero_copy_only=False) for column in found.columns]).tolist() == array.tolist()
    assert read(npy(array[:, 0]), tmp_path)["x"].to_pylist() == array[:, 0].tolist()


def test_an_array_takes_the_names_of_what_it_is_for(tmp_path: Path) -> None:
    """If it has as many columns; with y, the last is y's."""
    assert read(npy(X), tmp_path, called=["a", "b", "c"]).column_names == ["a", "b", "c"]
    assert read(npy(X), tmp_path, called=["a", "b"]).column_names == ["x1", "x2", "x3"]
    assert read(npz(X=X, y=X[:, 0]), tmp_path, called=["a", "b", "c", "d"]).column_names == ["a", "b", "c", "d"]


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_archive_has_x_y_and_names_or_a_column_each(order: Any, tmp_path: Path) -> None:
    """As numpy's savez makes it of keywords."""
    matrix = np.asarray(X, order=order)
    whole = read(npz(X=matrix, y=np.arange(4), feature_names=np.array(["a", "ç", "c"])), tmp_path)
    assert whole.column_names == ["a", "ç", "c", "y"]
    assert whole["ç"].to_pylist() == X[:, 1].tolist()
    assert read(npz(X=matrix, y=np.arange(4).reshape(4, 1)), tmp_path).column_names == ["x1", "x2", "x3", "y"]
    assert read(npz(X=matrix), tmp_path).column_names == ["x1", "x2", "x3"]
    assert read(npz(size=np.arange(4), price=X[:, 0]), tmp_path).to_pydict() == {
        "size": [0, 1, 2, 3],
        "price": X[:, 0].tolist(),
    }


@pytest.mark.parametrize("unit", ["D", "s", "ms", "us", "ns"])
def test_numpys_times_are_timestamps_and_nat_is_missing(unit: str, tmp_path: Path) -> None:
    """Of each unit that Arrow has, in an archive with a column each or in an array."""
    times = np.array(["2026-11-28", "NaT"], f">M8[{unit}]")

    for table in (read(npz(t=times, y=np.arange(2)), tmp_path), read(npy(times), tmp_path)):
        assert table.schema.types[0] == TIMESTAMP
        assert table.column(0).combine_chunks().view(pa.int64()).to_pylist() == [1_795_824_000_000_000, None]


def test_many_blocks_are_the_rows_in_their_order(tmp_path: Path) -> None:
    """Of both orders, also where they are longer than a block."""
    long = np.arange(3_000_000, dtype=float).reshape(1_000_000, 3)
    for array in (long, np.asfortranarray(long)):
        assert read(npy(array), tmp_path)["x2"].to_numpy().tolist() == long[:, 1].tolist()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (npy(np.array([{}])), BadNumpy),
        (npy(np.zeros((2, 2, 2))), BadNumpy),
        (npy(np.zeros(())), BadNumpy),
        (npy(np.zeros((0, 2))), NoRows),
        (npy(np.array(["a"])), UnsupportedColumn),
        (npy(np.array([1j])), UnsupportedColumn),
        (npy(np.zeros(2, np.dtype([("a", "f8")]))), UnsupportedColumn),
        (npy(np.array(["2026-11"], "M8[M]")), UnsupportedColumn),
        (npy(np.array([1], "M8[25s]")), UnsupportedColumn),
        (npy(np.array([1], "m8[s]")), UnsupportedColumn),
        (npy(np.array([1], "M8[ns]")), LossyTimestamp),
        (npy(np.array([2**53 + 1])), LossyInteger),
        (npy(X) + b"more", BadNumpy),
        (npy(np.zeros((1, 101))), TooManyColumns),
        (npz(X=X, y=np.zeros(3)), UnequalColumns),
        (npz(X=X, z=np.zeros(4)), BadNumpy),
        (npz(arr=X), BadNumpy),
        (npz(X=X, y=X), BadNumpy),
        (npz(X=X, feature_names=np.array(["a"])), BadNumpy),
        (npz(X=X, feature_names=np.array(["a", "b", None], dtype=object)), BadNumpy),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", BadNumpy),
        (b"x,y\n1,2\n", BadNumpy),
        (b"PK\x05\x06" + bytes(18), IngestError),
    ],
)
def test_what_cannot_be_used_is_refused(body: bytes, kind: type[IngestError], tmp_path: Path) -> None:
    """Objects before all, which would be pickles."""
    assert isinstance(error(body, tmp_path), kind)


def test_a_header_that_says_more_than_there_is_allocates_nothing(tmp_path: Path) -> None:
    """2^60 rows are too many rows, and as many bytes as there may be rows of are cut off."""
    body = npy(np.zeros((1, 2)))
    for rows, kind in (("1152921504606846976", TooLong), ("2000000", TooManyRows), ("1000000", BadNumpy), ("-1", BadNumpy)):
        header = body.replace(b"(1, 2), }", f"({rows}, 2), }}".encode())
        lying = header[:8] + (len(header) - 10 - 16).to_bytes(2, "little") + header[10:]
        assert isinstance(error(lying, tmp_path), kind)
    assert list(tmp_path.iterdir()) == []


def test_a_header_of_columns_without_end_names_none_of_them(tmp_path: Path) -> None:
    """2^70 columns of no rows take no bytes, so that no other limit holds; their names would take all of memory."""
    body = npy(np.zeros((0, 1)))
    wide = body.replace(b"(0, 1), }" + b" " * 20, f"(0, {2**62}), }}".encode().ljust(29))
    assert len(wide) == len(body)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("X.npy", wide)
        archive.writestr("y.npy", npy(np.zeros(0)))
    for hostile in (wide, sink.getvalue()):
        assert isinstance(error(hostile, tmp_path), TooManyColumns)
    assert isinstance(error(wide.replace(b"4611686018427387904", b"9999999999999999999"), tmp_path), BadNumpy)


def test_names_beyond_unicode_are_refused(tmp_path: Path) -> None:
    """Of which numpy makes a SystemError."""
    names = np.frombuffer((0x110000).to_bytes(4, "little"), "<U1")
    assert isinstance(error(npz(X=X[:, :1], feature_names=names), tmp_path), BadNumpy)


def test_an_archive_that_points_before_its_beginning_is_refused(tmp_path: Path) -> None:
    """Not taken for a disk that fails."""
    body = bytearray(npz(X=X))
    at = body.rindex(b"PK\x05\x06") + 16
    body[at : at + 4] = (int.from_bytes(body[at : at + 4], "little") + 1).to_bytes(4, "little")
    assert isinstance(error(bytes(body), tmp_path), BadNumpy)


def test_an_archive_of_zeros_is_stopped_at_the_limit(tmp_path: Path) -> None:
    """Before a byte of it is unpacked, in either order."""
    for array in (np.zeros((200_000, 4)), np.zeros((4, 200_000)).T):
        body = npz(X=array)
        assert len(body) < 20_000
        assert isinstance(error(body, tmp_path, max_bytes=1_000_000), TooLong)


def test_an_archive_that_lies_about_its_directory_is_refused(tmp_path: Path) -> None:
    """It says how long that is, and it is read whole."""
    body = npz(X=X)
    at = body.rindex(b"PK\x05\x06")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("X.txt", b"")

    assert isinstance(
        error(
            bytes(5 << 20).join([body[:4], body[:at]])
            + body[at : at + 12]
            + (5 << 20).to_bytes(4, "little")
            + body[at + 16 :],
            tmp_path,
        ),
        BadNumpy,
    )
    assert isinstance(error(sink.getvalue(), tmp_path), BadNumpy)


BODIES = {"npy": npy(X), "fortran": npy(np.asfortranarray(X)), "npz": npz(X=X, y=X[:, 0])}


@pytest.mark.parametrize("kind", BODIES)
@ONE_FOLDER
@given(data=st.data())
def test_what_is_cut_off_or_damaged_is_refused_or_read(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    """And nothing but an error of ours is raised."""
    body = BODIES[kind]
    assert isinstance(error(body[: data.draw(st.integers(0, len(body) - 1))], tmp_path), BadNumpy)
    at = data.draw(st.integers(0, len(body) - 1))
    try:
        batches = numpy_rows.npz_batches if kind == "npz" else numpy_rows.npy_batches
        list(batches(io.BytesIO(body[:at] + bytes([data.draw(st.integers(0, 255))]) + body[at + 1 :]), tmp_path, **LIMITS))
    except IngestError as caught:
        assert str(caught)  # noqa: PT017
