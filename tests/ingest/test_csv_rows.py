"""CSV: what is read, what is refused and where, and that memory does not grow with the body."""

import csv
import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import csv_rows
from service.ingest.ahead import AHEAD
from service.ingest.errors import (
    BadCsv,
    BadName,
    IngestError,
    NoRows,
    RaggedRow,
    TooManyColumns,
    TooManyRows,
    WrongType,
)
from service.ingest.times import TIMESTAMP

BLOCKS = pytest.mark.parametrize("block_bytes", [16, 1 << 20], ids=["many blocks", "one block"])


def read(body: bytes, block_bytes: int = 1 << 20) -> pa.Table:
    return pa.Table.from_batches(csv_rows.batches(io.BytesIO(body), block_bytes))


def error(body: bytes, block_bytes: int = 1 << 20) -> IngestError:
    with pytest.raises(IngestError) as caught:
        read(body, block_bytes)
    return caught.value


@BLOCKS
def test_numbers_text_and_booleans_are_read_as_such(block_bytes: int) -> None:
    """Integers become float64; times of day and hexadecimals stay text; spaces and signs around numbers do not matter."""
    table = read(b"n,i,t,d,b\r\n1.5, 2,one,12:30:00,true\r\n+2e3,-3 ,two,2020-01-02,False\r\n", block_bytes)

    assert table.to_pydict() == {
        "n": [1.5, 2000.0],
        "i": [2.0, -3.0],
        "t": ["one", "two"],
        "d": ["12:30:00", "2020-01-02"],
        "b": [True, False],
    }
    assert table.schema.types == [pa.float64(), pa.float64(), pa.string(), pa.string(), pa.bool_()]


@BLOCKS
def test_dates_and_times_are_timestamps(block_bytes: int) -> None:
    """Missing cells as in a column of numbers; spaces do not matter, nor whether each has an offset."""
    body = b"t,x\n2026-11-28,1\n 2026-11-28T01:00:00+01:00 ,2\nNA,3\n,4\n2026-11-28 00:00:00.000001Z,5\n"

    table = read(body, block_bytes)

    day = 1_795_824_000_000_000
    assert table.schema.types == [TIMESTAMP, pa.float64()]
    found = [value for cells in table.column("t").chunks for value in cells.view(pa.int64()).to_pylist()]
    assert found == [day, day, None, None, day + 1]


@pytest.mark.parametrize("later", ["12:30:00", "2026", "2026-02-30", "x"])
def test_a_later_cell_that_is_no_time_is_an_error_by_row_and_column(later: str) -> None:
    """The first block says what a column is; where it has something else, all is text."""
    found = error(f"x,t\n1,2026-11-28\n2,2026-11-29\n3,\n4,{later}\n".encode(), 24)

    assert isinstance(found, WrongType)
    assert (found.row, found.column, found.value) == (3, "t", later)
    assert "2026-11-28T21:05:00Z" in str(found)
    assert read(f"x,t\n1,2026-11-28\n2,{later}\n".encode(), 1 << 20).column("t").to_pylist() == ["2026-11-28", later]


def test_a_column_that_is_known_to_be_text_or_timestamps_is_read_so() -> None:
    """A data set's columns keep their types, whatever the cells of an append look like."""
    body = b"t,u\n2026-11-28,2026-11-28\n"
    types: csv_rows.Types = {"t": "text", "u": "timestamp"}

    (batch,) = csv_rows.batches(io.BytesIO(body), types=types)

    assert batch.schema.types == [pa.string(), TIMESTAMP]
    with pytest.raises(WrongType):
        next(csv_rows.batches(io.BytesIO(b"u\nx\n"), types=types))


@BLOCKS
@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_numbers_are_correctly_rounded_in_blocks_of_any_size(block_bytes: int, values: list[float]) -> None:
    """What Python reads from the text is what is read, to the bit, also with more digits than a double carries."""
    written = [f"{value:.25e}" if i % 2 else repr(value) for i, value in enumerate(values)]
    body = "\n".join(["x,y", *(f"{text},0" for text in written)]).encode()

    table = read(body, max(block_bytes, 40))

    assert np.array_equal(table["x"].to_numpy(), np.array([float(text) for text in written]))


def test_what_is_not_finite_comes_out_as_such_for_the_solver_to_refuse() -> None:
    """nan, inf and what overflows never turn into nulls or text behind the sender's back."""
    values = read(b"x\n1e400\nnan\n-inf\n1\n")["x"].to_pylist()

    assert [values[0], values[2], values[3]] == [float("inf"), float("-inf"), 1.0]
    assert values[1] != values[1]


cells = st.text(st.sampled_from('ab",\n\r 1é'), min_size=1, max_size=8).filter(lambda text: text.strip("\r\n") != "")


@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=12), block_bytes=st.integers(40, 200))
def test_what_a_csv_writer_wrote_is_read_back_in_blocks_of_any_size(rows: list[tuple[str, str]], block_bytes: int) -> None:
    """Quotes, commas and ends of lines within cells are the cells' own."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("first", "second"), ("text", "text"), *rows])

    table = read(written.getvalue().encode(), block_bytes)

    assert table.to_pydict() == {"first": ["text", *(a for a, _ in rows)], "second": ["text", *(b for _, b in rows)]}


@BLOCKS
@pytest.mark.parametrize("bad_row", [0, 1, 57])
def test_errors_name_the_row_and_the_column_also_in_later_blocks(block_bytes: int, bad_row: int) -> None:
    """Rows are counted from 0, the header and blank lines left out."""
    rows = ["1,true"] * 60

    def with_bad(line: str) -> bytes:
        return "\n".join(["x,b", "", *rows[:bad_row], line, *rows[bad_row:], ""]).encode()

    ragged = error(with_bad("1,true,3"), block_bytes)
    assert isinstance(ragged, RaggedRow)
    assert (ragged.row, ragged.expected, ragged.got) == (bad_row, 2, 3)


@pytest.mark.parametrize(
    ("header", "good", "bad", "column", "expected"),
    [("x,b", "1,true", "one,true", "x", "a number"), ("x,b", "1,true", "1,1", "b", "true or false")],
)
def test_a_column_keeps_the_type_of_its_first_block(header: str, good: str, bad: str, column: str, expected: str) -> None:
    """A later cell that does not fit is refused with its value."""
    found = error("\n".join([header, *[good] * 50, bad]).encode(), 64)

    assert isinstance(found, WrongType)
    assert (found.row, found.column, found.value, found.expected) == (50, column, bad.split(",")[column == "b"], expected)


KNOWN: csv_rows.Types = {"t": "text", "n": "number", "b": "boolean"}


@BLOCKS
def test_a_column_whose_type_is_known_is_read_as_that_from_its_first_cell_on(block_bytes: int) -> None:
    """Text exactly as it is written, quotes aside; an empty cell is missing. Others are read as what they look like."""
    body = b't,n,b,x\n01,,NA,01\n1e3,NA,TRUE,1\n"12345678901234567892", 7 ,false,2\n TRUE,8,,3\n,9,True,4\nNA,1,true,5\n'

    table = pa.Table.from_batches(csv_rows.batches(io.BytesIO(body), max(block_bytes, 40), types=KNOWN))

    assert table.to_pydict() == {
        "t": ["01", "1e3", "12345678901234567892", " TRUE", None, "NA"],
        "n": [None, None, 7.0, 8.0, 9.0, 1.0],
        "b": [None, True, False, None, True, True],
        "x": [1.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    }
    assert table.schema.types == [pa.string(), pa.float64(), pa.bool_(), pa.float64()]


@BLOCKS
@given(cells=st.lists(st.text(st.sampled_from('01.eE+-TRUENA, "'), min_size=1, max_size=8), min_size=1, max_size=12))
def test_what_is_known_to_be_text_is_never_changed(block_bytes: int, cells: list[str]) -> None:
    """Whatever the cells of a block look like."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([("t",), *((cell,) for cell in cells)])

    batches = csv_rows.batches(io.BytesIO(written.getvalue().encode()), max(block_bytes, 40), types=KNOWN)

    assert pa.Table.from_batches(batches)["t"].to_pylist() == cells


@BLOCKS
@pytest.mark.parametrize(
    ("column", "good", "bad", "expected"),
    [("n", "1", "abc", "a number"), ("b", "TRUE", "1", "true or false"), ("b", "false", "yes", "true or false")],
)
@pytest.mark.parametrize("n_good", [0, 1, 30])
def test_a_cell_that_is_not_of_the_known_type_is_refused_with_row_and_value(
    block_bytes: int, column: str, good: str, bad: str, expected: str, n_good: int
) -> None:
    """The first one too: nothing is guessed from it."""
    body = "\n".join([f"{column},x", *[f"{good},1"] * n_good, f"{bad},1"]).encode()

    with pytest.raises(WrongType, match="the type of its column") as caught:
        list(csv_rows.batches(io.BytesIO(body), block_bytes, types=KNOWN))

    found = caught.value
    assert (found.row, found.column, found.value, found.expected) == (n_good, column, bad, expected)


@BLOCKS
def test_blank_lines_of_a_column_that_is_known_to_be_text_are_missing(block_bytes: int) -> None:
    """Among its cells; at the end they are nothing."""
    body = b"t\n" + b"\n" * 20 + b"5\n\n7\n\n\n"

    table = pa.Table.from_batches(csv_rows.batches(io.BytesIO(body), block_bytes, types=KNOWN))

    assert table["t"].to_pylist() == [*[None] * 20, "5", None, "7"]


MISSING = ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", ".", "  ", " NA "]


@BLOCKS
@pytest.mark.parametrize("spelling", MISSING)
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_a_missing_number_or_boolean_is_null_however_it_is_spelt(block_bytes: int, spelling: str, first: bool) -> None:
    """A column of numbers with one NA is not a column of text, and keeps all the others to the bit."""
    rows = [f"0.1,{spelling},true,{spelling}", "-0.0,2,False,3"]
    table = read("\n".join(["a,x,b,c", *(rows if first else rows[::-1])] + ["1,4,TRUE,5"] * 20).encode(), max(block_bytes, 40))

    expected: dict[str, list[float | None]] = {"a": [0.1, -0.0], "x": [None, 2.0], "b": [True, False], "c": [None, 3.0]}
    assert table.slice(0, 2).to_pydict() == {name: cells if first else cells[::-1] for name, cells in expected.items()}
    assert table.schema.types == [pa.float64(), pa.float64(), pa.bool_(), pa.float64()]
    assert sum(column.null_count for column in table.columns) == 2


@BLOCKS
def test_a_missing_boolean_is_null(block_bytes: int) -> None:
    """In any block."""
    table = read(b"b,x\ntrue,1\nNA,2\n,3\nFalse,4\n", max(block_bytes, 20))

    assert table["b"].to_pylist() == [True, None, None, False]
    assert table["b"].type == pa.bool_()


@BLOCKS
@pytest.mark.parametrize("other", ["NA", "null", ".", "  "])
def test_in_a_column_of_text_an_empty_cell_alone_is_missing(block_bytes: int, other: str) -> None:
    """Namibia's code is NA. Quotes make no difference: an empty text cannot be sent."""
    table = read(f'x,t\n1,US\n2,{other}\n3,\n4,""\n5,é\n'.encode(), max(block_bytes, 12))

    assert table["t"].to_pylist() == ["US", other, None, None, "é"]
    assert table["t"].type == pa.string()


@BLOCKS
def test_missing_cells_do_not_say_what_a_column_is(block_bytes: int) -> None:
    """The others of the first block do; if there is none, it is one of numbers."""
    block_bytes = max(block_bytes, 64)
    table = read(b"n,t,b,none,x\n,,,,1\nNA,NA,NA,,2\n1,a,true,,3\n" + b",,,,4\n" * 30, block_bytes)

    assert table.schema.types == [pa.float64(), pa.string(), pa.bool_(), pa.float64(), pa.float64()]
    assert table.slice(0, 3).to_pydict() == {
        "n": [None, None, 1.0],
        "t": [None, "NA", "a"],
        "b": [None, None, True],
        "none": [None] * 3,
        "x": [1.0, 2.0, 3.0],
    }
    assert [column.null_count for column in table.columns] == [32, 31, 32, 33, 0]


def test_text_after_a_first_block_that_is_missing_is_refused() -> None:
    """The type is known by then; what fits comes through."""
    empty = "x,t\n" + "1,\n" * 50
    found = error(f"{empty}1,a\n".encode(), 64)

    assert isinstance(found, WrongType)
    assert (found.row, found.column, found.value, found.expected) == (50, "t", "a", "a number")
    assert read(f"{empty}1,2\n".encode(), 64)["t"].to_pylist() == [None] * 50 + [2.0]


@pytest.mark.parametrize(("good", "bad"), [("1", "one"), ("true", "yes")])
def test_a_cell_that_does_not_fit_is_found_beside_missing_ones(good: str, bad: str) -> None:
    """The row counts the missing cells."""
    found = error("\n".join(["x,y", f"{good},1", *[",1", "NA,1"] * 25, f"{bad},1"]).encode(), 64)

    assert isinstance(found, WrongType)
    assert (found.row, found.value) == (51, bad)


def test_a_block_without_missing_cells_has_no_bitmap_of_them() -> None:
    """So that it can be read where it lies."""
    batches = list(csv_rows.batches(io.BytesIO(b"x,y\n" + b"1,2\n" * 20 + b",2\n" * 20), 64))

    assert batches[0]["x"].buffers()[0] is None
    assert batches[0]["x"].to_numpy(zero_copy_only=True).tolist()[0] == 1.0
    assert batches[-1]["x"].null_count == batches[-1].num_rows


@BLOCKS
@pytest.mark.parametrize(("cell", "type_"), [("3", pa.float64()), ("true", pa.bool_()), ("a", pa.string())])
@given(lines=st.lists(st.booleans(), max_size=60))
def test_a_blank_line_among_the_cells_of_one_column_is_a_missing_cell(
    block_bytes: int, cell: str, type_: pa.DataType, lines: list[bool]
) -> None:
    """At the end it is nothing, however many blocks of blank lines there are in between."""
    lines = [*lines, True]
    values = read(
        "\n".join(["", "", "x", *(cell if filled else "" for filled in lines), "", "", "\n" * 40]).encode(), block_bytes
    )

    # what stands before the first cell, too, but what is blank right after the header in the first block
    assert values["x"].is_valid().to_pylist() == lines
    assert values["x"].type == type_


def test_a_row_after_blank_lines_is_counted_with_them() -> None:
    """In a block of its own, too."""
    found = error(b"x\n1\n" + b"\n" * 100 + b"1,2\n", 16)

    assert isinstance(found, RaggedRow)
    assert found.row == 101


def test_blank_lines_are_no_rows_of_several_columns() -> None:
    """Anywhere."""
    assert read(b"x,y\n1,2\n\n3,4\n\n")["x"].to_pylist() == [1.0, 3.0]


def test_blank_lines_take_no_memory_until_a_cell_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then they come in small batches, and count for the limit on rows."""
    monkeypatch.setattr(csv_rows, "BLANK_ROWS", 7)
    body = b"x\n1\n" + b"\n" * 100 + b"2\n"

    assert max(batch.num_rows for batch in csv_rows.batches(io.BytesIO(body), 16)) <= 16
    with pytest.raises(TooManyRows):
        list(csv_rows.batches(io.BytesIO(body), 16, max_rows=50))


@BLOCKS
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_and_a_byte_order_mark_are_read(block_bytes: int, end: str) -> None:
    """The last line needs no end."""
    body = b"\xef\xbb\xbf" + end.join(["x,y", "1,2", "3,4", "5,6", "7,8"]).encode()

    assert read(body, block_bytes).to_pydict() == {"x": [1.0, 3.0, 5.0, 7.0], "y": [2.0, 4.0, 6.0, 8.0]}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", NoRows),
        (b"\n\n", NoRows),
        (b"x,y\n", NoRows),
        (b"x,x\n1,2\n", BadName),
        (b"x,\n1,2\n", BadName),
        (b"intercept,y\n1,2\n", BadName),
        (b"1,2\n3,4\n", BadCsv),
        (b"x\xff,y\n1,2\n", BadCsv),
        ("x,y\n1,2\n".encode("utf-16"), BadCsv),
        (b"x,y\n1,caf\xe9\n", BadCsv),
        (b'x,y\n1,"open\n2,b\n', BadCsv),
    ],
)
def test_what_is_no_csv_with_a_header_is_refused(body: bytes, kind: type[IngestError]) -> None:
    """An unclosed quote would swallow all the rows that follow, and a forgotten header the first."""
    assert type(error(body)) is kind


def test_a_row_longer_than_a_block_is_refused_and_not_held() -> None:
    """A quote that nothing closes does not make the service read the whole body into memory."""
    stream = io.BytesIO(b'x,y\n1,"' + b"a" * 100_000)

    with pytest.raises(BadCsv, match="longer than 1000 bytes"):
        list(csv_rows.batches(stream, block_bytes=1000))
    assert stream.tell() < 10_000


def test_limits_on_columns_and_rows() -> None:
    """What is at the limit passes."""
    body = b"x,y\n1,2\n3,4\n"

    assert len(list(csv_rows.batches(io.BytesIO(body), max_columns=2, max_rows=2))) == 1
    with pytest.raises(TooManyColumns):
        list(csv_rows.batches(io.BytesIO(body), max_columns=1))
    with pytest.raises(TooManyRows):
        list(csv_rows.batches(io.BytesIO(body), max_rows=1))


class Endless(io.RawIOBase):
    """Rows for ever, and how many bytes of them were read."""

    def __init__(self) -> None:
        super().__init__()
        self.n_read, self._rows = 0, b"0.123456789,text,true\n" * 1000

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        part = b"x,t,b\n" if not self.n_read else (self._rows * (size // len(self._rows) + 1))[:size]
        if self.n_read:  # whole rows, so that what follows begins with one
            part = self._rows
        self.n_read += len(part)
        return part


def test_memory_does_not_grow_with_the_body() -> None:
    """After the first block Arrow holds the few that are read ahead, however many have been read: each takes twice its size at most."""
    batches: Iterator[pa.RecordBatch] = csv_rows.batches(Endless(), block_bytes=1 << 16)
    next(batches)
    before, peak = pa.total_allocated_bytes(), 0

    for _ in range(200):
        batch = next(batches)
        peak = max(peak, pa.total_allocated_bytes() - before)

    assert batch.num_rows > 1000
    assert peak < 2 * (AHEAD + 2) << 16


def test_what_the_stream_raises_comes_through() -> None:
    """A client that goes is not a fault of the CSV."""

    class Gone(io.RawIOBase):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError(size)

    with pytest.raises(ConnectionResetError):
        list(csv_rows.batches(Gone()))
