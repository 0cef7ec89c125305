"""How much text a cell and a row may have: the same limits for every format.

Text is kept and no feature unless one-hot, and a category is a word. Without limits a megabyte of Arrow, whose dictionary has
one long string, is gigabytes in memory: rows are written some thousands at a time, so what bounds a row bounds memory.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from numpy.typing import NDArray

from service.ingest.errors import RowTextTooLong, TextTooLong
from service.ingest.names import Array

CELL_BYTES = 32_768  # of UTF-8
ROW_BYTES = 65_536


def checked(columns: Sequence[Array], names: Sequence[str], first_row: int = 0) -> NDArray[np.int64]:
    """How many bytes of text each row has (n,). Dictionaries are measured as they are, not expanded.

    Raises: TextTooLong, RowTextTooLong: rows counted from `first_row` on.
    """
    sizes = np.zeros(len(columns[0]), np.int64)
    for values, name in zip(columns, names, strict=True):
        if not _is_text(values.type):
            continue
        found = _sizes(values)
        if found.max(initial=0) > CELL_BYTES:
            row = int((found > CELL_BYTES).argmax())
            raise TextTooLong(first_row + row, name, int(found[row]), CELL_BYTES)
        sizes += found
    if sizes.max(initial=0) > ROW_BYTES:
        row = int((sizes > ROW_BYTES).argmax())
        raise RowTextTooLong(first_row + row, int(sizes[row]), ROW_BYTES)
    return sizes


def _is_text(found: pa.DataType) -> bool:
    return pt.is_string(found) or pt.is_large_string(found) or pt.is_dictionary(found)


def _sizes(values: Any) -> NDArray[np.int64]:
    if pt.is_dictionary(values.type):
        sizes = pc.binary_length(values.dictionary).take(values.indices)
    else:
        sizes = pc.binary_length(values)
    found: NDArray[np.int64] = sizes.fill_null(0).to_numpy().astype(np.int64, copy=False)
    return found
