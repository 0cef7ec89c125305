"""Idempotency keys in the store: kept with what was made, for their time, one request each."""

import pytest

from service.registry.errors import KeyInUse, KeyReused
from service.registry.receipts import Receipts
from service.store.tables import Store


def keep(store: Store, receipts: Receipts, key: str) -> None:
    with store.write() as connection:
        receipts.keep(connection, key, "digest", b"answer")


def test_an_answer_is_found_by_its_key_and_request(store: Store) -> None:
    """By another process too; with another request it is refused, and an unknown key has none."""
    keep(store, Receipts(store, 60), "key")
    receipts = Receipts(store, 60)

    assert receipts.kept("key") is not None
    assert receipts.find("key", "digest") == b"answer"
    assert receipts.find("other", "digest") is None
    with pytest.raises(KeyReused):
        receipts.find("key", "another digest")


def test_an_answer_is_forgotten_with_the_transaction_it_is_of(store: Store) -> None:
    """What was not made has no answer."""
    receipts = Receipts(store, 60)

    def fail() -> None:
        with store.write() as connection:
            receipts.keep(connection, "key", "digest", b"answer")
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert receipts.find("key", "digest") is None


def test_an_answer_that_is_too_old_is_as_if_it_had_never_been(store: Store) -> None:
    """Its key may be used again, by any request."""
    receipts = Receipts(store, -1)
    keep(store, receipts, "key")

    assert receipts.kept("key") is None
    assert receipts.find("key", "another digest") is None
    keep(store, receipts, "key")


def test_a_key_is_held_by_one_request_at_a_time(store: Store) -> None:
    """Another is refused while it runs, however it ends, and not after."""
    receipts = Receipts(store, 60)

    def fail() -> None:
        with receipts.running("key"):
            with pytest.raises(KeyInUse), receipts.running("key"):
                pass
            with receipts.running("other"):
                pass
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with receipts.running("key"):
        pass
