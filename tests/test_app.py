"""The service's life in one process: what it takes hold of when it starts, it lets go of when it stops."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from service.app import Refused, check, create_app
from service.jobs.runner import Jobs
from service.settings import Settings


async def live(settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        app.state.services.datasets.page(1, None)
        with pytest.raises(Refused):
            check(settings)


def left_open(folder: Path) -> list[str]:
    """The files in the folder that this process has open."""
    targets = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


def names_of_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("job", "upload"))]


def test_a_thread_that_computes_keeps_others_waiting_for_half_a_millisecond(tmp_path: Path) -> None:
    """And not for five, as Python has it: the event loop needs its turn several times a request."""
    asyncio.run(live(Settings(data_dir=tmp_path / "data")))

    assert sys.getswitchinterval() == pytest.approx(0.0005)


def test_a_second_life_begins_where_the_first_has_ended(tmp_path: Path) -> None:
    """In one process, in one event loop or in two: whoever embeds the service may start it again."""
    settings = Settings(data_dir=tmp_path / "data")

    async def twice() -> None:
        await live(settings)
        await live(settings)

    asyncio.run(twice())
    asyncio.run(live(settings))

    assert left_open(tmp_path) == []


def test_a_start_that_fails_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that cannot be taken up, say: lock, database and threads are let go, and the next start may do better."""
    settings = Settings(data_dir=tmp_path / "data")

    def fail(jobs: Jobs) -> None:
        jobs._threads.submit(threading.get_ident).result()
        raise KeyError("a job")

    with monkeypatch.context() as patched:
        patched.setattr(Jobs, "resume", fail)
        with pytest.raises(KeyError, match="a job"):
            asyncio.run(live(settings))

    assert left_open(tmp_path) == []
    assert names_of_threads() == []
    check(settings)
    asyncio.run(live(settings))
