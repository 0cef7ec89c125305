"""Which rows belong together: the values of a column, numbered as they appear."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_LONG = 16  # characters; of longer text a digest is kept, which takes as little room


class Clusters:
    """Numbers values from 0 on. Equal numbers are one cluster, 0.0 and -0.0 too."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}

    def numbers(self, values: "pa.Array[Any]") -> NDArray[np.int64]:
        """Of each row (m,), of values of which none is missing."""
        encoded = (values.view(pa.int64()) if pa.types.is_timestamp(values.type) else values).dictionary_encode()
        known = self._known
        numbers = [known.setdefault(_key(value), len(known)) for value in encoded.dictionary.to_pylist()]
        found: NDArray[np.int64] = np.array(numbers, np.int64)[encoded.indices.to_numpy()]
        return found


def _key(value: Any) -> Any:
    return blake2b(value.encode(), digest_size=16).digest() if isinstance(value, str) and len(value) > _LONG else value
