"""The database: what is written is there or not, whole; readers see what is committed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.store.tables import Store, aliases, datasets, models, parts, versions


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'linefit.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = Store(url)
    yield store
    store.close()


def insert(connection: sa.Connection, id_: str) -> None:
    connection.execute(sa.insert(datasets).values(id=id_, name="", numbers="float64", created_at="now"))


def ids(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(sa.select(datasets.c.id).order_by(datasets.c.seq)).scalars())


def test_a_transaction_is_kept_when_its_block_ends(store: Store, url: str) -> None:
    """Another process that opens the database finds it, and order is the order of making."""
    for id_ in ("ds_b", "ds_a"):
        with store.write() as connection:
            insert(connection, id_)

    other = Store(url)
    assert ids(other) == ["ds_b", "ds_a"]
    other.close()


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    """Whatever raised, and however much was written before."""

    def half() -> None:
        with store.write() as connection:
            insert(connection, "ds_half")
            raise KeyError

    with pytest.raises(KeyError):
        half()

    assert ids(store) == []


def test_readers_do_not_see_what_is_not_committed(store: Store) -> None:
    """Nor do they wait for the writer."""
    with store.write() as connection:
        insert(connection, "ds_1")
        assert ids(store) == []

    assert ids(store) == ["ds_1"]


def test_writers_take_turns(store: Store) -> None:
    """None fails because another one writes, and none is lost."""

    def write(i: int) -> None:
        for j in range(5):
            with store.write() as connection:
                insert(connection, f"ds_{i}_{j}")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids(store)) == 40


def test_a_data_set_takes_what_is_its_own_with_it(store: Store) -> None:
    """Versions and parts go with their data set; a model that an alias names cannot go."""
    with store.write() as connection:
        insert(connection, "ds_1")
        connection.execute(sa.insert(versions).values(dataset_id="ds_1", version=1, n_samples=1, columns=b"", created_at=""))
        connection.execute(sa.insert(parts).values(dataset_id="ds_1", added_in=1, file="f", n_rows=1))
        connection.execute(sa.insert(models).values(id="mdl_1", body=b"", evaluation=b"", moments=b""))
        connection.execute(sa.insert(aliases).values(name="a", model_id="mdl_1", etag="", updated_at=""))
    with store.write() as connection:
        connection.execute(sa.delete(datasets))

    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(versions)).scalar() == 0
        assert connection.execute(sa.select(sa.func.count()).select_from(parts)).scalar() == 0
    with pytest.raises(sa.exc.IntegrityError), store.write() as connection:
        connection.execute(sa.delete(models))


def test_numbers_of_things_are_never_used_again(store: Store) -> None:
    """A list's place must not come to mean another thing: what is made after a deletion is newer than what was deleted."""
    with store.write() as connection:
        insert(connection, "ds_1")
        first = connection.execute(sa.select(datasets.c.seq)).scalar_one()
        connection.execute(sa.delete(datasets))
    with store.write() as connection:
        insert(connection, "ds_2")
        assert connection.execute(sa.select(datasets.c.seq)).scalar_one() > first


@pytest.mark.parametrize(("synchronous", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_sqlite_is_set_for_durability(url: str, synchronous: str, level: int) -> None:
    """A write-ahead log, synchronised as asked, and foreign keys that hold."""
    store = Store(url, synchronous)

    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()
