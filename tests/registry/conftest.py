"""A real store in a folder of the test's."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.tables import Store
from tests.registry.opened import Opened


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    # These tests end no process: nothing need wait for the disk, and there are thousands of files.
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    store = Store(f"sqlite:///{tmp_path / 'linefit.db'}", "OFF")
    yield store
    store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "rows"


@pytest.fixture
def opened(store: Store, folder: Path) -> Opened:
    return Opened.over(store, folder)
