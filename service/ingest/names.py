"""Names of columns, and the limits on their number and on rows: the same rules for every format."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from service.ingest.errors import BadName, NoColumns, NoRows, TooManyColumns, TooManyRows

if TYPE_CHECKING:
    Array: TypeAlias = pa.Array[Any]
else:
    Array = pa.Array  # generic in its stubs alone

RESERVED = frozenset({"intercept"})
MAX_LENGTH = 200


def checked(names: Iterable[str], limit: int | None = None) -> tuple[str, ...]:
    """The names, if each can name a column.

    Raises: NoColumns; TooManyColumns; BadName: a name is empty, repeated, reserved, too long, or has control characters.
    """
    names = tuple(names)
    if not names:
        raise NoColumns
    if limit is not None and len(names) > limit:
        raise TooManyColumns(len(names), limit)
    seen: set[str] = set()
    for name in names:
        if not name.strip():
            raise BadName(name, "it is empty")
        if len(name) > MAX_LENGTH:
            raise BadName(name, f"it has {len(name)} characters; at most {MAX_LENGTH} are taken")
        if any(unicodedata.category(character) == "Cc" for character in name):
            raise BadName(name, "it has a control character")
        if name in RESERVED:
            raise BadName(name, "it is reserved for the constant term of a fit")
        if name in seen:
            raise BadName(name, "it is repeated")
        seen.add(name)
    return names


def feature_names(n_features: int) -> tuple[str, ...]:
    """What features are called that came without names: x, or x1, x2, …"""
    return ("x",) if n_features == 1 else tuple(f"x{j}" for j in range(1, n_features + 1))


def limited(batches: Iterable[pa.RecordBatch], max_rows: int | None) -> Iterator[pa.RecordBatch]:
    """The batches that have rows.

    Raises: NoRows: none had any; TooManyRows: as soon as there are more than `max_rows`.
    """
    n_rows = 0
    for batch in batches:
        n_rows += batch.num_rows
        if max_rows is not None and n_rows > max_rows:
            raise TooManyRows(max_rows)
        if batch.num_rows:
            yield batch
    if not n_rows:
        raise NoRows


def record_batch(arrays: Sequence[Array], names: Sequence[str]) -> pa.RecordBatch:
    """A batch of the arrays under these names."""
    return pa.RecordBatch.from_arrays(list(arrays), names=list(names))
