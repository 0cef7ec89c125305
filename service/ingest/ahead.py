"""Work on what is to come, in the threads of the process, while what was before it is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from service.solver.threads import in_thread

AHEAD = 3  # items under way: one more than two cores work on; each is held in memory

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(work: Callable[[Item], Made], items: Iterable[Item], n_ahead: int = AHEAD) -> Iterator[tuple[Item, Made]]:
    """Each item with what `work` makes of it, in their order; up to `n_ahead` more are under way meanwhile.

    Raises: what `work` or `items` does, in the place where it would have without threads.
    """
    under_way: deque[tuple[Item, Future[Made]]] = deque()
    coming = iter(items)

    def oldest() -> tuple[Item, Made]:
        item, made = under_way.popleft()
        return item, made.result()

    while True:
        try:
            for item in islice(coming, 1 + n_ahead - len(under_way)):
                under_way.append((item, in_thread(work, item)))
        except Exception:
            while under_way:  # these came before it, and may have something wrong that is to be told first
                yield oldest()
            raise
        if not under_way:
            return
        yield oldest()
