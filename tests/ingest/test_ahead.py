"""Work ahead, in threads: as if there were none, but that several are worked on at once."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.ahead import ahead


@given(items=st.lists(st.integers()), n_ahead=st.integers(0, 5))
def test_items_come_in_their_order_with_what_was_made_of_them(items: list[int], n_ahead: int) -> None:
    """However many are under way."""
    assert list(ahead(lambda item: -item, items, n_ahead)) == [(item, -item) for item in items]


def test_no_more_are_taken_than_are_under_way() -> None:
    """Each is held in memory."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield taken

    for n_done, _ in enumerate(ahead(str, items(), n_ahead=3), start=1):
        assert taken <= n_done + 3


def test_another_is_worked_on_while_one_is_used() -> None:
    """Else nothing would be gained."""
    has_begun = threading.Event()

    def work(item: int) -> bool:
        if item == 1:
            has_begun.set()
        return True

    for item, _ in ahead(work, range(2), n_ahead=1):
        assert item or has_begun.wait(60)


def test_what_is_wrong_is_told_in_the_order_of_the_items() -> None:
    """An end that is cut off does not hide what is wrong in an item before it."""

    def items() -> Iterator[int]:
        yield from (2, 1, 0)
        raise ConnectionResetError

    pairs = ahead(lambda item: 1 // item, items(), n_ahead=9)
    assert [next(pairs), next(pairs)] == [(2, 0), (1, 1)]
    with pytest.raises(ZeroDivisionError):
        next(pairs)
    with pytest.raises(ConnectionResetError):
        list(ahead(str, items(), n_ahead=9))
