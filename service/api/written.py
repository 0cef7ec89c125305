"""Rows written as CSV or as an Arrow stream."""

import io
from typing import Literal

import pyarrow as pa
import pyarrow.csv


def written(table: pa.Table, format_: Literal["csv", "arrow"]) -> bytes:
    """The rows as CSV with a header, or as an Arrow IPC stream."""
    sink = io.BytesIO()
    if format_ == "csv":
        pyarrow.csv.write_csv(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()
