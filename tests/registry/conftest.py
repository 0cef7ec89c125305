"""A real store in a folder of the test's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.tables import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'linefit.db'}", "OFF")  # these tests end no process: nothing need wait for the disk
    yield store
    store.close()
