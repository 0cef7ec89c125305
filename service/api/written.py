"""What is answered: rows written as CSV or as an Arrow stream, and JSON."""

import io
from typing import Literal

import pyarrow as pa
import pyarrow.csv
from starlette.responses import Response


def written(table: pa.Table, format_: Literal["csv", "arrow"]) -> bytes:
    """The rows as CSV with a header, or as an Arrow IPC stream."""
    sink = io.BytesIO()
    if format_ == "csv":
        pyarrow.csv.write_csv(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


class Json(Response):
    """JSON, 200, without headers of its own: those of any other answer take longer to put together than this one to write."""

    def __init__(self, body: bytes) -> None:
        self.status_code, self.background, self.body = 200, None, body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
