"""Rows in an Arrow IPC stream, batch by batch: memory does not grow with the body."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from service.ingest import names
from service.ingest.arrow_messages import Messages
from service.ingest.csv_records import Readable
from service.ingest.errors import BadArrow, LossyInteger, MissingValue, UnsupportedColumn
from service.ingest.names import Array

BATCH_BYTES = 256 << 20
SLICE_CELLS = 2_000_000  # converted at a time: a byte sent may be eight as float64, and a bit 64


def batches(
    stream: Readable, batch_bytes: int = BATCH_BYTES, max_columns: int | None = None, max_rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow IPC stream: numbers as float64 of the same value, booleans, text as string.

    Args: batch_bytes: how large one batch may be, decompressed and with its dictionaries.
    Raises: NoRows, NoColumns, BadName, TooManyColumns, TooManyRows, UnsupportedColumn; MissingValue, LossyInteger: with the row;
        BadArrow: the stream is damaged, cut off, or a batch too large; whatever the stream's read raises.
    """
    return names.limited(_batches(stream, batch_bytes, max_columns), max_rows)


def _batches(stream: Readable, batch_bytes: int, max_columns: int | None) -> Iterator[pa.RecordBatch]:
    messages = Messages(stream, batch_bytes)
    try:
        reader = pa.ipc.open_stream(messages)
        called = names.checked(reader.schema.names, max_columns)
        for field in reader.schema:
            if not _supported(field.type):
                raise UnsupportedColumn(field.name, str(field.type))
        first_row = 0
        n_rows = max(1, SLICE_CELLS // len(called))
        for whole in reader:
            # Offsets and indices that point outside would crash the process later.
            whole.validate(full=True)
            for start in range(0, whole.num_rows, n_rows):
                batch = whole.slice(start, n_rows)
                columns = zip(batch.columns, called, strict=True)
                yield names.record_batch([_column(values, name, first_row, batch_bytes) for values, name in columns], called)
                first_row += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise messages.failure or BadArrow(str(error)) from None


def _supported(found: pa.DataType) -> bool:
    text = found.value_type if isinstance(found, pa.DictionaryType) else found
    return pt.is_string(text) or pt.is_large_string(text) or (text is found and _is_number_or_boolean(found))


def _is_number_or_boolean(found: pa.DataType) -> bool:
    return pt.is_floating(found) or pt.is_integer(found) or pt.is_boolean(found)


def _column(values: Array, name: str, first_row: int, limit: int) -> Array:
    if pt.is_dictionary(values.type):
        values = _decoded(values, limit)
    if values.null_count:
        raise MissingValue(first_row + pc.index(values.is_null(), True).as_py(), name)
    if pt.is_integer(values.type):
        return _exact(values, name, first_row)
    if pt.is_floating(values.type):
        return pa.array(values.to_numpy().astype(np.float64, copy=False))
    return values if pt.is_boolean(values.type) else values.cast(pa.string())


def _decoded(values: Any, limit: int) -> Array:
    """A column of text in full, unless a few long strings meant many times would take too much memory."""
    lengths = pc.binary_length(values.dictionary).cast(pa.int64())
    size = pc.sum(lengths.take(values.indices)).as_py() or 0
    if size > limit:
        raise BadArrow(f"a record batch whose text takes {size} bytes; the limit is {limit}: send smaller batches")
    return values.dictionary_decode()  # type: ignore[no-any-return]


def _exact(values: Array, name: str, first_row: int) -> Array:
    """Integers as float64.

    Raises: LossyInteger: one lies between two doubles.
    """
    integers = values.to_numpy()
    doubles = integers.astype(np.float64)
    limit = 2.0 ** (8 * integers.itemsize - (integers.dtype.kind == "i"))
    # What rounds up to the limit is lossy, and cannot be turned back into an integer to compare.
    inside = doubles < limit
    lossy = ~inside | (np.where(inside, doubles, 0).astype(integers.dtype) != integers)
    if lossy.any():
        row = int(lossy.argmax())
        raise LossyInteger(first_row + row, name, int(integers[row]))
    return pa.array(doubles)
