"""Lists, newest first, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from service.store.tables import Store

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and where the next page begins, if there is one."""

    items: list[Item]
    next: int | None


def page_of(
    store: Store, table: sa.Table, limit: int, before: int | None, columns: Sequence[sa.ColumnElement[Any]] | None = None
) -> Page[sa.Row[Any]]:
    """The `limit` newest rows of a table with a `seq` column that are older than `before`.

    Args: columns: those wanted; all but the moments if left out, which are large and in no list.
    """
    wanted = [column for column in table.c if column.name != "moments"] if columns is None else columns
    return paged(store, sa.select(*wanted), table.c.seq, limit, before)


def paged(store: Store, query: sa.Select[Any], seq: sa.Column[int], limit: int, before: int | None) -> Page[sa.Row[Any]]:
    """The same of any query, whose newest rows have the largest `seq`."""
    query = query.add_columns(seq.label("place")).order_by(seq.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(seq < before)
    with store.read() as connection:
        rows = list(connection.execute(query))
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].place if more else None)
