"""Rows in an Arrow IPC stream, batch by batch: memory does not grow with the body."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from service.ingest import arrow_times, decimal_cells, names, texts
from service.ingest.arrow_messages import Messages
from service.ingest.csv_records import Readable
from service.ingest.errors import BadArrow, LossyInteger, UnsupportedColumn
from service.ingest.names import Array

BATCH_BYTES = 256 << 20
SLICE_CELLS = 2_000_000  # converted at a time: a byte sent may be eight as float64, and a bit 64
TEXT_BYTES = 16 << 20  # unpacked at a time: an index of a byte may stand for the longest text


def batches(
    stream: Readable, batch_bytes: int = BATCH_BYTES, max_columns: int | None = None, max_rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow IPC stream: numbers as float64 of the same value, booleans, text as string, times; nulls are kept.

    Args: batch_bytes: how large one batch may be, decompressed and with its dictionaries, these not expanded.
    Raises: NoRows, NoColumns, BadName, TooManyColumns, TooManyRows, UnsupportedColumn; LossyInteger, LossyDecimal, LossyTimestamp,
        TimestampOutOfRange, TextTooLong, RowTextTooLong: with the row; BadArrow: the stream is damaged, cut off, or a batch too large; whatever the stream's read raises.
    """
    return names.limited(_batches(stream, batch_bytes, max_columns), max_rows)


def _batches(stream: Readable, batch_bytes: int, max_columns: int | None) -> Iterator[pa.RecordBatch]:
    messages = Messages(stream, batch_bytes)
    try:
        reader = pa.ipc.open_stream(messages)
        yield from converted(reader.schema, reader, max_columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise messages.failure or BadArrow(str(error)) from None


def converted(schema: pa.Schema, batches: Iterable[pa.RecordBatch], max_columns: int | None) -> Iterator[pa.RecordBatch]:
    """Rows of any types that are taken, from whatever reads them as Arrow; batches are cut where they would take much memory.

    Raises: as `batches`, BadArrow and limits on rows aside; pa.ArrowException: a batch is not what it says.
    """
    called = names.checked(schema.names, max_columns)
    for field in schema:
        if not _supported(field.type):
            raise UnsupportedColumn(field.name, str(field.type))
    first_row = 0
    n_rows = max(1, SLICE_CELLS // len(called))
    for whole in batches:
        # Offsets and indices that point outside would crash the process later.
        whole.validate(full=True)
        for start in range(0, whole.num_rows, n_rows):
            part = whole.slice(start, n_rows)
            for batch in _cut(part, texts.checked(part.columns, called, first_row)):
                columns = zip(batch.columns, called, strict=True)
                yield names.record_batch([_column(values, name, first_row) for values, name in columns], called)
                first_row += batch.num_rows


def _cut(batch: pa.RecordBatch, text_bytes: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """The rows in pieces of at most TEXT_BYTES of text, or of one row."""
    ends = text_bytes.cumsum()
    start = 0
    while start < batch.num_rows:
        most = TEXT_BYTES + (ends[start - 1] if start else 0)
        stop = max(start + 1, int(np.searchsorted(ends, most, side="right")))
        yield batch.slice(start, stop - start)
        start = stop


def _supported(found: pa.DataType) -> bool:
    text = found.value_type if isinstance(found, pa.DictionaryType) else found
    return (
        pt.is_string(text)
        or pt.is_large_string(text)
        or (text is found and (_is_number_boolean_or_null(found) or arrow_times.is_time(found)))
    )


def _is_number_boolean_or_null(found: pa.DataType) -> bool:
    return pt.is_floating(found) or pt.is_integer(found) or pt.is_decimal(found) or pt.is_boolean(found) or pt.is_null(found)


def _column(found: Any, name: str, first_row: int) -> Array:
    values: Array = found.dictionary_decode() if pt.is_dictionary(found.type) else found
    if pt.is_integer(values.type) or pt.is_decimal(values.type):
        exact = decimal_cells.doubles if pt.is_decimal(values.type) else _doubles
        missing = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
        return pa.array(exact(values, name, first_row), mask=missing)
    if arrow_times.is_time(values.type):
        return arrow_times.of_arrow(values, name, first_row)
    if pt.is_null(values.type) or (pt.is_floating(values.type) and values.null_count):
        return values.cast(pa.float64())
    if pt.is_floating(values.type):  # without a bitmap of what is valid, of which there may be one
        return pa.array(values.to_numpy().astype(np.float64, copy=False))
    return values if pt.is_boolean(values.type) else values.cast(pa.string())


def _doubles(values: Any, name: str, first_row: int) -> NDArray[np.float64]:
    """Integers as float64, nulls as anything.

    Raises: LossyInteger: one lies between two doubles.
    """
    integers = (values.fill_null(0) if values.null_count else values).to_numpy()
    doubles: NDArray[np.float64] = integers.astype(np.float64)
    limit = 2.0 ** (8 * integers.itemsize - (integers.dtype.kind == "i"))
    # What rounds up to the limit is lossy, and cannot be turned back into an integer to compare.
    inside = doubles < limit
    lossy = ~inside | (np.where(inside, doubles, 0).astype(integers.dtype) != integers)
    if lossy.any():
        row = int(lossy.argmax())
        raise LossyInteger(first_row + row, name, int(integers[row]))
    return doubles
