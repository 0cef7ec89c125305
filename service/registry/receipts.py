"""Idempotency keys: what was made and the key that made it land in one transaction, so that a retry finds the answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from service.registry.errors import KeyInUse, KeyReused
from service.store.tables import Store, idempotency


class Receipts:
    """The answers given to keyed requests, kept for `ttl_s` seconds; one process owns the store, so it knows who runs."""

    def __init__(self, store: Store, ttl_s: float) -> None:
        self._store, self._ttl_s = store, ttl_s
        self._running: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def running(self, key: str) -> Iterator[None]:
        """Holds the key while its request runs. Raises KeyInUse when another holds it."""
        with self._lock:
            if key in self._running:
                raise KeyInUse
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def holds(self, key: str) -> bool:
        """Whether an answer is kept under the key."""
        query = sa.select(idempotency.c.key).where(idempotency.c.key == key, self._is_young())
        with self._store.read() as connection:
            return connection.execute(query).one_or_none() is not None

    def find(self, key: str, request: str) -> bytes | None:
        """The answer kept under the key, if any. Raises KeyReused when `request` is not the digest it was kept with."""
        query = sa.select(idempotency.c.request, idempotency.c.answer).where(idempotency.c.key == key, self._is_young())
        with self._store.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.request != request:
            raise KeyReused
        return bytes(row.answer)

    def keep(self, connection: sa.Connection, key: str, request: str, answer: bytes) -> None:
        """Keeps an answer, in the transaction of what it speaks of; those that are too old go."""
        connection.execute(sa.delete(idempotency).where(~self._is_young()))
        row = {"key": key, "request": request, "answer": answer, "created_at": time.time()}
        connection.execute(sa.insert(idempotency).values(row))

    def _is_young(self) -> sa.ColumnElement[bool]:
        return idempotency.c.created_at > time.time() - self._ttl_s
