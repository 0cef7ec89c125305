"""The formats that rows come in, JSON aside: a media type and what reads it. The one table of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from service.ingest import arrow_rows, csv_rows, parquet_rows
from service.ingest.csv_records import Readable
from service.ingest.csv_rows import Types

CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader is to know beside the bytes."""

    folder: Path  # for what has to be on disk before it can be read
    max_columns: int
    max_rows: int
    types: Types | None = None  # of the columns that the data set or the model has, in their order, where there is one


Reader = Callable[[Readable, Asked], Iterator[pa.RecordBatch]]  # raises what the function of its module does

READERS: Mapping[str, Reader] = {
    CSV: lambda stream, asked: csv_rows.batches(
        stream, max_columns=asked.max_columns, max_rows=asked.max_rows, types=asked.types
    ),
    ARROW: lambda stream, asked: arrow_rows.batches(stream, max_columns=asked.max_columns, max_rows=asked.max_rows),
    PARQUET: lambda stream, asked: parquet_rows.batches(stream, asked.folder, asked.max_columns, asked.max_rows),
}
