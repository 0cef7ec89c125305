"""Rows that are added, by many callers at once: those that come while others are being committed share the next transaction.

A commit costs a wait for the disk and some 250 µs of the processor, and each job with its model 20 more.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, TypeAlias

import sqlalchemy as sa

Row: TypeAlias = tuple[sa.Table, Mapping[str, Any]]  # every column of the table but `seq`
Also: TypeAlias = Callable[[sa.Connection], object]

MOST = 32  # wait together for the event loop to be done with what it has at hand


@dataclass(frozen=True, slots=True, eq=False)
class _Addition:
    rows: list[Row]
    also: Also | None
    on_disk: "Future[None]" = field(default_factory=Future)


def insert(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Insert rows, those of a table by one statement: SQLite gives way to other threads after each."""
    by_table: dict[sa.Table, list[Mapping[str, Any]]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    for table, of_table in by_table.items():
        text, order = _statement(table, connection.dialect)
        # As the driver takes them: SQLAlchemy would look at each value by its type, of which none here needs it, and take half
        # of the time of a transaction.
        values = of_table if order is None else [tuple([row[name] for name in order]) for row in of_table]
        connection.exec_driver_sql(text, values)


@cache
def _statement(table: sa.Table, dialect: sa.Dialect) -> tuple[str, Sequence[str] | None]:
    """The insertion into a table, and the order of its values; None where the driver takes them by name."""
    compiled = sa.insert(table).compile(
        dialect=dialect, column_keys=[column.name for column in table.c if column.name != "seq"]
    )
    return str(compiled), compiled.positiontup if compiled.positional else None


class Additions:
    """One thread writes what any thread adds, in the order in which it was added."""

    def __init__(self, write: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """Args: write: one transaction."""
        self._write = write
        self._waiting: list[_Addition] = []
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, "additions")

    def add(self, rows: list[Row], also: Also | None) -> "Future[None]":
        """Done when rows are on disk, with what `also` did; it may be called again when the first transaction is undone.

        Raises, from the future: what it raises, and what the database does; nothing of this addition is there then.
        """
        addition = _Addition(rows, also)
        with self._lock:
            self._waiting.append(addition)
            is_first = len(self._waiting) == 1
        if is_first:
            self._soon()
        return addition.on_disk

    def close(self) -> None:
        """Once all that was added is written."""
        self._thread.shutdown()

    def _soon(self, n_before: int = 0) -> None:
        """Have what waits written; on the event loop, once it has turned without adding more: until then it is not idle."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._thread.submit(self._write_waiting)
            return
        n_waiting = len(self._waiting)
        if n_before < n_waiting < MOST:
            loop.call_soon(self._soon, n_waiting)
        else:
            self._thread.submit(self._write_waiting)

    def _write_waiting(self) -> None:
        with self._lock:
            together, self._waiting = self._waiting, []
        together = [one for one in together if one.on_disk.set_running_or_notify_cancel()]
        try:
            self._commit(together)
        except Exception:  # noqa: BLE001 (of one of them, or of the disk: each finds out for itself)
            for one in together:
                self._commit_alone(one)

    def _commit(self, together: Sequence[_Addition]) -> None:
        with self._write() as connection:
            insert(connection, [row for one in together for row in one.rows])
            for one in together:
                if one.also is not None:
                    one.also(connection)
        for one in together:
            one.on_disk.set_result(None)

    def _commit_alone(self, one: _Addition) -> None:
        try:
            self._commit([one])
        except Exception as error:  # noqa: BLE001 (whatever it was, its caller is told)
            one.on_disk.set_exception(error)
