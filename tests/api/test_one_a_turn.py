"""Short work on the event loop takes turns: what takes less time still is answered in between, and what is added stays together."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from service.api.one_a_turn import OneATurn
from service.store.tables import Store, datasets


def test_one_passes_in_each_turn_of_the_loop_in_the_order_they_came() -> None:
    """In between the loop looks who else has come, and answers."""

    async def passed() -> list[tuple[int, int]]:
        turns, loop = OneATurn(), asyncio.get_running_loop()
        done: list[tuple[int, int]] = []
        n_turns = 0

        def tick() -> None:
            nonlocal n_turns
            n_turns += 1
            loop.call_soon(tick)

        async def work(number: int) -> None:
            await turns.turn()
            done.append((number, n_turns))

        tick()
        await asyncio.gather(*map(work, range(5)))
        return done

    numbers, at = zip(*asyncio.run(passed()), strict=True)
    assert numbers == (0, 1, 2, 3, 4)
    assert list(at) == list(range(at[0], at[0] + 5))


def test_who_gives_up_does_not_hold_up_those_behind() -> None:
    """Whether it still waited, or was just about to pass."""

    async def passed(n_turns: int) -> list[int]:
        turns, done = OneATurn(), []

        async def work(number: int) -> None:
            await turns.turn()
            done.append(number)

        tasks = [asyncio.create_task(work(number)) for number in range(4)]
        for _ in range(n_turns):
            await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        await work(4)
        return done

    assert all(set(asyncio.run(passed(n))) >= {0, 2, 3, 4} for n in range(6))


def test_what_they_add_to_the_store_one_after_the_other_shares_a_transaction(tmp_path: Path) -> None:
    """A commit each would take a third of the fits in a second."""
    store = Store(f"sqlite:///{tmp_path / 'linefit.db'}")
    connections: list[sa.Connection] = []

    async def add_all() -> None:
        turns = OneATurn()

        async def add(number: int) -> None:
            await turns.turn()
            row = {"id": str(number), "name": "", "numbers": "float64", "window": None, "created_at": "now"}
            await asyncio.wrap_future(store.add([(datasets, row)], connections.append))

        await asyncio.gather(*map(add, range(16)))

    asyncio.run(add_all())
    store.close()

    assert len(connections) == 16
    assert len(set(map(id, connections))) == 1
