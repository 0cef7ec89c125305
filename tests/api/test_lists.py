"""Lists: what all of them share."""

import asyncio
import threading

import httpx
import pytest
from starlette.requests import Request

from service.api.lists import listed
from service.registry.pages import Page
from tests.api.made import ok


def test_a_list_is_found_and_written_beside_the_event_loop() -> None:
    """A page of wide data sets takes a while: nobody else waits for it."""
    threads: set[int] = set()

    def ask() -> Page[int]:
        threads.add(threading.get_ident())
        return Page([1, 2], 1)

    def shown(item: int) -> int:
        threads.add(threading.get_ident())
        return item

    scope = {"type": "http", "path": "/things", "query_string": b"", "headers": [], "server": ("linefit", 80)}
    answer = asyncio.run(listed(Request(scope), ask, shown))

    assert answer.body == b'{"items":[1,2],"next":1}'
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("kind", ["datasets", "models", "jobs", "aliases"])
def test_every_kind_of_thing_is_listed(client: httpx.Client, kind: str) -> None:
    """With as many items as asked for at most."""
    assert len(ok(client.get(f"/{kind}", params={"limit": 1}), 200)["items"]) <= 1
