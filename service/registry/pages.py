"""Lists, newest first, a page at a time."""

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


def page_of(store: Store, table: sa.Table, limit: int, before: int | None) -> Page[sa.Row[Any]]:
    """The `limit` newest rows of a table with a `seq` column that are older than `before`."""
    query = sa.select(table).order_by(table.c.seq.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(table.c.seq < before)
    with store.read() as connection:
        rows = list(connection.execute(query))
    more = len(rows) > limit
    return Page(rows[:limit], rows[limit - 1].seq if more else None)
