"""The types that Arrow has for time as timestamps: microseconds of UTC since 1970, or a refusal."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from service.ingest.errors import LossyTimestamp, TimestampOutOfRange
from service.ingest.names import Array
from service.ingest.times import LEAST, MOST, SECOND, TIMESTAMP

_PER_UNIT = {"s": SECOND, "ms": 1000, "us": 1}


def is_time(found: pa.DataType) -> bool:
    """Whether Arrow's type is one of those that are read: dates, and timestamps of any unit and zone."""
    return pt.is_timestamp(found) or pt.is_date(found)


def of_arrow(values: Any, name: str, first_row: int) -> Array:
    """Arrow's dates or timestamps as timestamps, nulls as they are; those without a zone are UTC.

    Raises: LossyTimestamp: one has a part of a microsecond; TimestampOutOfRange.
    """
    missing = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
    found, per_unit = _integers(values)
    if per_unit == 0:
        return _of_nanoseconds(found, missing, name, first_row)
    outside = (found < -(-LEAST // per_unit)) | (found > MOST // per_unit)
    if outside.any():
        row = int(outside.argmax())
        raise TimestampOutOfRange(
            first_row + row, name, f"{found[row]} {_unit(values.type)} from 1970", "0001-01-01", "9999-12-31"
        )
    return pa.array(found * per_unit, mask=missing).view(TIMESTAMP)


def _of_nanoseconds(found: NDArray[np.int64], missing: Any, name: str, first_row: int) -> Array:
    whole, rest = np.divmod(found, 1000)
    if rest.any():
        row = int((rest != 0).argmax())
        raise LossyTimestamp(first_row + row, name, str(np.datetime64(int(found[row]), "ns")))
    return pa.array(whole, mask=missing).view(TIMESTAMP)


def _integers(values: Any) -> tuple[NDArray[np.int64], int]:
    """What is stored, 0 for null, and the microseconds that 1 stands for; 0: a thousandth of one."""
    integers = values.view(pa.int32()).cast(pa.int64()) if pt.is_date32(values.type) else values.view(pa.int64())
    found = (integers.fill_null(0) if integers.null_count else integers).to_numpy()
    if pt.is_date32(values.type):
        return found, 86_400 * SECOND
    return found, _PER_UNIT.get("ms" if pt.is_date64(values.type) else values.type.unit, 0)


def _unit(found: Any) -> str:
    return "days" if pt.is_date32(found) else "ms" if pt.is_date64(found) else str(found.unit)
