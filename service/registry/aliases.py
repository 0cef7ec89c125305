"""Aliases: names in place of a model's id, moved atomically."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import sqlalchemy as sa

from service.registry.errors import AliasMoved, NotFound
from service.registry.idents import now
from service.registry.kept import Kept
from service.registry.pages import Page, page_of
from service.store.tables import Store, aliases, models

# Starts like no id, so that a name says what it is.
ALIAS = re.compile(r"(?!(?:ds|mdl|job)_)[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Alias:
    """A name and the model it stands for; the etag changes with every move."""

    name: str
    model_id: str
    etag: str
    updated_at: str


class Aliases:
    """The aliases: in the process once they were asked for, over the store that has them all.

    Only this process writes the store. What is in memory changes after the store and under one lock with it, so that it is
    never older than what has been answered.
    """

    def __init__(self, store: Store, capacity: int) -> None:
        """Args: capacity: how many are in memory."""
        self._store = store
        self._kept = Kept[str, Alias](capacity)
        self._lock = Lock()

    def get(self, name: str) -> Alias:
        """Raises: NotFound."""
        alias = self.in_memory(name)
        if alias is None:
            with self._lock, self._store.read() as connection:
                row = connection.execute(sa.select(aliases).where(aliases.c.name == name)).one_or_none()
                if row is None:
                    raise NotFound("alias", name)
                alias = _alias(row)
                self._kept.put(name, alias)
        return alias

    def in_memory(self, name: str) -> Alias | None:
        """The alias, if it takes no look at the store to find it: it may be asked for on the event loop."""
        return self._kept.get(name)

    def page(self, limit: int, before: int | None) -> Page[Alias]:
        """The newest aliases."""
        page = page_of(self._store, aliases, limit, before)
        return Page([_alias(row) for row in page.items], page.next)

    def put(
        self, name: str, model_id: str, if_match: Sequence[str] | None, *, only_if_new: bool = False
    ) -> tuple[Alias, bool]:
        """Point the alias at a model; also whether it is new.

        Raises: NotFound: there is no such model; AliasMoved: the alias is at none of the etags in `if_match`, where * is any.
        """
        with self._lock:
            alias, is_new = self._put(name, model_id, if_match, only_if_new=only_if_new)
            self._kept.put(name, alias)
        return alias, is_new

    def _put(self, name: str, model_id: str, if_match: Sequence[str] | None, *, only_if_new: bool) -> tuple[Alias, bool]:
        with self._store.write() as connection:
            if connection.execute(sa.select(models.c.seq).where(models.c.id == model_id)).one_or_none() is None:
                raise NotFound("model", model_id)
            row = connection.execute(sa.select(aliases).where(aliases.c.name == name)).one_or_none()
            _expect(name, row, if_match)
            if only_if_new and row is not None:
                raise AliasMoved(name, "no model")
            alias = Alias(name, model_id, secrets.token_hex(8), now())
            values = {"model_id": model_id, "etag": alias.etag, "updated_at": alias.updated_at}
            if row is None:
                connection.execute(sa.insert(aliases).values(name=name, **values))
            else:
                connection.execute(sa.update(aliases).where(aliases.c.name == name).values(values))
        return alias, row is None

    def delete(self, name: str, if_match: Sequence[str] | None) -> None:
        """Raises: NotFound, AliasMoved."""
        with self._lock:
            with self._store.write() as connection:
                row = connection.execute(sa.select(aliases).where(aliases.c.name == name)).one_or_none()
                if row is None:
                    raise NotFound("alias", name)
                _expect(name, row, if_match)
                connection.execute(sa.delete(aliases).where(aliases.c.name == name))
            self._kept.forget(name)


def _expect(name: str, row: sa.Row[Any] | None, etags: Sequence[str] | None) -> None:
    if etags is not None and (row is None or not {"*", row.etag}.intersection(etags)):
        raise AliasMoved(name, " or ".join(etags))


def _alias(row: sa.Row[Any]) -> Alias:
    return Alias(row.name, row.model_id, row.etag, row.updated_at)
