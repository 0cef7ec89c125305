"""The formats that rows come in, JSON aside: a media type and what reads it. The one table of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from service.ingest import arrow_rows, csv_rows, numpy_rows, parquet_rows
from service.ingest.csv_records import Readable
from service.ingest.csv_rows import Types
from service.ingest.errors import BadMultipart, shown
from service.ingest.multipart import File

CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
NPY = "application/x-npy"
NPZ = "application/x-npz"
MULTIPART = "multipart/form-data"

SUFFIXES = {".csv": CSV, ".arrow": ARROW, ".arrows": ARROW, ".parquet": PARQUET, ".npy": NPY, ".npz": NPZ}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader is to know beside the bytes."""

    folder: Path  # for what has to be on disk before it can be read
    max_bytes: int
    max_columns: int
    max_rows: int
    content_type: str = ""  # of a body, with its parameters
    types: Types | None = None  # of the columns that the data set or the model has, in their order, where there is one


Reader = Callable[[Readable, Asked], Iterator[pa.RecordBatch]]  # raises what the function of its module does


def _file(stream: Readable, asked: Asked) -> Iterator[pa.RecordBatch]:
    """Raises: BadMultipart, and as the reader of what the file is: by its own type, else by the end of its name."""
    file = File(stream, asked.content_type)
    type_ = file.content_type if file.content_type in SUFFIXES.values() else SUFFIXES.get(file.suffix)
    if type_ is None:
        what = f"{shown(file.content_type)!r} and ends in {shown(file.suffix)!r}"
        raise BadMultipart(
            f"its file is of type {what}; send one that ends in {', '.join(SUFFIXES)}, or say a type that is read"
        )
    return READERS[type_](file, asked)


READERS: Mapping[str, Reader] = {
    CSV: lambda stream, asked: csv_rows.batches(
        stream, max_columns=asked.max_columns, max_rows=asked.max_rows, types=asked.types
    ),
    ARROW: lambda stream, asked: arrow_rows.batches(stream, max_columns=asked.max_columns, max_rows=asked.max_rows),
    PARQUET: lambda stream, asked: parquet_rows.batches(stream, asked.folder, asked.max_columns, asked.max_rows),
    NPY: lambda stream, asked: numpy_rows.npy_batches(
        stream, asked.folder, asked.max_bytes, asked.max_columns, asked.max_rows, tuple(asked.types or ())
    ),
    NPZ: lambda stream, asked: numpy_rows.npz_batches(
        stream, asked.folder, asked.max_bytes, asked.max_columns, asked.max_rows, tuple(asked.types or ())
    ),
    MULTIPART: _file,
}
