"""Idempotency keys: what was made and the key that made it land in one transaction, so that a retry finds the answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from service.registry.errors import KeyInUse, KeyReused
from service.store.tables import Store, idempotency


@dataclass(frozen=True, slots=True)
class Receipt:
    """An answer, and the digest of the request that it was given to."""

    request: str
    answer: bytes

    def answer_to(self, request: str) -> bytes:
        """Raises KeyReused when `request` is another digest."""
        if request != self.request:
            raise KeyReused
        return self.answer


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

    def kept(self, key: str) -> Receipt | None:
        """What is kept under the key, whatever the request."""
        query = sa.select(idempotency.c.request, idempotency.c.answer).where(idempotency.c.key == key, self._is_young())
        with self._store.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Receipt(row.request, bytes(row.answer))

    def find(self, key: str, request: str) -> bytes | None:
        """The answer kept under the key, if any. Raises KeyReused when `request` is not the digest it was kept with."""
        receipt = self.kept(key)
        return None if receipt is None else receipt.answer_to(request)

    def keep(self, connection: sa.Connection, key: str, request: str, answer: bytes) -> None:
        """Keeps an answer, in the transaction of what it speaks of; those that are too old go."""
        connection.execute(sa.delete(idempotency).where(~self._is_young()))
        row = {"key": key, "request": request, "answer": answer, "created_at": time.time()}
        connection.execute(sa.insert(idempotency).values(row))

    def _is_young(self) -> sa.ColumnElement[bool]:
        return idempotency.c.created_at > time.time() - self._ttl_s
