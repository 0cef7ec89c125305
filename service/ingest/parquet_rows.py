"""Rows in a Parquet file, batch by batch: of a body, once its footer has come, or of a file that lies somewhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from service.ingest import arrow_rows, names
from service.ingest.csv_records import Readable
from service.ingest.errors import BadParquet, TooManyRows
from service.ingest.parquet_pages import Group, check_group, groups_of
from service.ingest.spool import spooled

GROUP_BYTES = 256 << 20  # of pages at once
BATCH_ROWS = 1 << 16
BATCH_CELLS = 2_000_000
BATCH_TEXT_BYTES = 32 << 20
BUFFERS_BYTES = 8 << 20  # of all columns: without buffers a row group's packed pages would be read as a whole
LEAST_BUFFER_BYTES = 1 << 14


def batches(
    stream: Readable, folder: Path, max_columns: int | None = None, max_rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file that arrives: what its types mean is as in `arrow_rows`.

    Args: folder: where it is kept until it is read, in a file without a name.
    Raises: as `of_file`; OSError: the disk is full, say; whatever the stream's read raises.
    """
    # by descriptor, since it has no name; read by pyarrow itself, which lets go of the interpreter meanwhile
    with spooled(stream, folder) as spool, pa.OSFile(f"/dev/fd/{spool.fileno()}", "rb") as file:
        yield from of_file(file, max_columns, max_rows)


def of_file(
    file: pa.NativeFile, max_columns: int | None = None, max_rows: int | None = None, group_bytes: int = GROUP_BYTES
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, of whatever size: a batch and its pages at a time.

    Args: group_bytes: what the largest pages of the columns of a row group may take, unpacked and with their dictionaries.
    Raises: BadParquet: it is damaged, cut off, or too large in memory; and as `arrow_rows.batches`, BadArrow aside.
    """
    return names.limited(_batches(file, max_columns, max_rows, group_bytes), max_rows)


def _batches(file: pa.NativeFile, max_columns: int | None, max_rows: int | None, group_bytes: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq  # noqa: PLC0415 (9 MB that a service to which no Parquet comes need not have)

    try:
        groups = groups_of(file)
        metadata = pq.read_metadata(file)
        if max_rows is not None and metadata.num_rows > max_rows:
            raise TooManyRows(max_rows)
        buffer_bytes = max(LEAST_BUFFER_BYTES, BUFFERS_BYTES // max(metadata.num_columns, 1))
        opened = pq.ParquetFile(
            file, metadata=metadata, buffer_size=buffer_bytes, pre_buffer=False, page_checksum_verification=True
        )
        yield from arrow_rows.converted(opened.schema_arrow, _groups(file, groups, opened, group_bytes), max_columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadParquet(str(error)) from None


def _groups(file: pa.NativeFile, groups: Sequence[Group], opened: Any, group_bytes: int) -> Iterator[pa.RecordBatch]:
    """Raises: BadParquet, before what is too large is read."""
    kept = [j for j, type_ in enumerate(opened.schema_arrow.types) if pt.is_dictionary(type_)]
    for i, group in enumerate(groups):
        if len(group.columns) != opened.metadata.num_columns:
            raise BadParquet(f"row group {i} has other columns than the file")
        row_text = check_group(file, group, group_bytes, kept)
        most = min(BATCH_ROWS, BATCH_CELLS // len(group.columns), BATCH_TEXT_BYTES // max(row_text, 1))
        n_rows = 0
        for batch in opened.iter_batches(batch_size=max(1, most), row_groups=[i], use_threads=False):
            n_rows += batch.num_rows
            yield batch
        if n_rows != group.n_rows:
            raise BadParquet(f"row group {i} has {n_rows} rows and not {group.n_rows}, as the footer says")
