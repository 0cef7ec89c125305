"""Listening to what a store asks its database."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from service.store.tables import Store


@contextmanager
def heard(store: Store) -> Iterator[list[str]]:
    """The SQL statements that run while the block does, in order."""
    with store.read() as connection:
        engine = connection.engine
    statements: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
