"""Text has a limit, in a cell and in a row, that is the same in every format; what it unpacks to is held in small pieces."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from service.ingest import arrow_rows, csv_rows, texts
from service.ingest.errors import RowTextTooLong, TextTooLong
from service.ingest.json_rows import RowsBody, parse, rows
from service.ingest.texts import CELL_BYTES, ROW_BYTES

FULL, LONG = "a" * CELL_BYTES, "a" * (CELL_BYTES + 1)
Columns = dict[str, list[str]]


def of_json(columns: Columns) -> list[pa.RecordBatch]:
    return [rows(parse(RowsBody, json.dumps({"columns": columns}).encode()))]


def of_csv(columns: Columns) -> list[pa.RecordBatch]:
    lines = [",".join(cells) for cells in zip(*columns.values(), strict=True)]
    return list(csv_rows.batches(io.BytesIO("\n".join([",".join(columns), *lines]).encode())))


def of_arrow(columns: dict[str, Any]) -> list[pa.RecordBatch]:
    table, sink = pa.table(columns), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return list(arrow_rows.batches(io.BytesIO(sink.getvalue())))


def of_large_arrow(columns: Columns) -> list[pa.RecordBatch]:
    return of_arrow({name: pa.array(cells, pa.large_string()) for name, cells in columns.items()})


def of_dictionary(columns: Columns) -> list[pa.RecordBatch]:
    return of_arrow({name: pa.array(cells).dictionary_encode() for name, cells in columns.items()})


FORMATS = pytest.mark.parametrize("read", [of_json, of_csv, of_arrow, of_large_arrow, of_dictionary])


@FORMATS
def test_a_cell_has_a_limit_on_its_text(read: Any) -> None:
    """Refused by row and column, in bytes of UTF-8; what is at the limit passes, and the text is not repeated."""
    whole = pa.Table.from_batches(read({"s": ["b", FULL], "t": ["c", "d"]}))
    assert whole.to_pydict() == {"s": ["b", FULL], "t": ["c", "d"]}

    with pytest.raises(TextTooLong) as caught:
        read({"s": ["b", "c", "d"], "t": ["e", LONG, "f"]})
    assert vars(caught.value) == {"row": 1, "column": "t", "length": CELL_BYTES + 1, "limit": CELL_BYTES}
    assert len(str(caught.value)) < 200

    with pytest.raises(TextTooLong):
        read({"s": ["ä" * (CELL_BYTES // 2 + 1)]})


@FORMATS
def test_a_row_has_a_limit_on_the_text_of_all_its_cells(read: Any) -> None:
    """Else a thousand columns of the longest text would be gigabytes before the first row is written."""
    assert ROW_BYTES == 2 * CELL_BYTES
    read({"s": ["b", FULL], "t": ["c", FULL], "u": ["x", ""]})

    with pytest.raises(RowTextTooLong) as caught:
        read({"s": ["b", FULL], "t": ["c", FULL], "u": ["x", "d"]})
    assert vars(caught.value) == {"row": 1, "length": ROW_BYTES + 1, "limit": ROW_BYTES}


def test_rows_are_counted_over_all_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches, slices and blocks of a stream do not start anew."""
    monkeypatch.setattr(arrow_rows, "SLICE_CELLS", 2)
    with pytest.raises(TextTooLong) as in_arrow:
        of_arrow({"t": ["a"] * 5 + [LONG]})
    with pytest.raises(TextTooLong) as in_csv:
        csv_of_blocks("t\n" + "a\n" * 5 + LONG + "\n")

    assert (in_arrow.value.row, in_csv.value.row) == (5, 5)


def csv_of_blocks(text: str) -> list[pa.RecordBatch]:
    return list(csv_rows.batches(io.BytesIO(text.encode()), block_bytes=CELL_BYTES))


def test_a_missing_cell_has_no_text() -> None:
    """In a column and in a dictionary; a word that stands in no row is not counted either."""
    words = pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), ["a", None, LONG])

    assert texts.checked([words, pa.array(["b", None, "cd"])], ["s", "t"]).tolist() == [2, 0, 2]


def test_one_long_word_of_a_dictionary_is_unpacked_a_piece_at_a_time() -> None:
    """An index of a byte may stand for 32 KiB: pieces of 16 MiB, whatever the batch, and all rows in order."""
    n_rows = 3000
    words = pa.DictionaryArray.from_arrays(np.arange(n_rows, dtype=np.int64) % 2, [FULL, "b"])
    table, sink = pa.table({"t": words, "y": np.arange(float(n_rows))}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert len(sink.getvalue()) < 100_000

    sizes, y, n_full = [], [], 0
    for batch in arrow_rows.batches(io.BytesIO(sink.getvalue())):
        sizes.append(batch.nbytes)
        y += batch["y"].to_pylist()
        n_full += batch["t"].to_pylist().count(FULL)

    assert (y, n_full) == ([float(i) for i in range(n_rows)], n_rows // 2)
    assert max(sizes) < arrow_rows.TEXT_BYTES + 100_000
    assert len(sizes) == -(-n_rows // 2 * CELL_BYTES // arrow_rows.TEXT_BYTES)
