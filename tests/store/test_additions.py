"""Rows added by many at once: they share transactions, but neither their failures nor their order."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.store.additions import Row
from service.store.tables import Store, datasets


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'linefit.db'}")
    yield store
    store.close()


def row(id_: str) -> Row:
    return datasets, {"id": id_, "name": "", "numbers": "float64", "window": None, "created_at": "now"}


def ids(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(sa.select(datasets.c.id).order_by(datasets.c.seq)).scalars())


def together(store: Store, *additions: tuple[Row, Any]) -> list["Future[None]"]:
    """Added in one turn of an event loop, and so in one transaction."""

    async def turn() -> list["Future[None]"]:
        futures = [store.add([row], also) for row, also in additions]
        await asyncio.wait([asyncio.wrap_future(future) for future in futures])
        return futures

    return asyncio.run(turn())


def test_what_one_turn_of_the_event_loop_adds_shares_a_transaction(store: Store) -> None:
    """One wait for the disk for all of them; lists show them in the order in which they were added."""
    transactions = []

    def note(connection: sa.Connection) -> None:
        transactions.append(connection.get_transaction())

    together(store, *((row(f"ds_{i}"), note) for i in range(5)))

    assert len(transactions) == 5
    assert len(set(transactions)) == 1
    assert ids(store) == [f"ds_{i}" for i in range(5)]


def test_one_that_fails_is_told_so_and_the_others_are_kept(store: Store) -> None:
    """Whether the database refuses its row or what else belongs to it raises; and nothing of it is left."""

    def refuse(_: sa.Connection) -> None:
        raise KeyError

    first, twice, refused, last = together(
        store, (row("ds_1"), None), (row("ds_1"), None), (row("ds_2"), refuse), (row("ds_3"), None)
    )

    assert first.exception() is None
    assert isinstance(twice.exception(), sa.exc.IntegrityError)
    assert isinstance(refused.exception(), KeyError)
    assert last.exception() is None
    assert ids(store) == ["ds_1", "ds_3"]


def test_threads_add_too_and_find_it_on_disk(store: Store) -> None:
    """Outside of an event loop there is no turn to wait for."""
    store.add([row("ds_1"), row("ds_2")]).result()

    assert ids(store) == ["ds_1", "ds_2"]


def test_what_was_added_is_written_before_the_store_closes(tmp_path: Path) -> None:
    """However soon that is."""
    store = Store(f"sqlite:///{tmp_path / 'linefit.db'}")
    added = [store.add([row(f"ds_{i}")]) for i in range(20)]
    store.close()

    assert all(future.done() and future.exception() is None for future in added)
