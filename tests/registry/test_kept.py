"""What is kept in memory has a bound, whatever the number and the size of what comes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from service.registry.kept import Kept
from service.solver.moments import Moments
from service.store.tables import Store
from tests.registry.opened import Opened, plain


def test_the_least_recently_used_goes_first() -> None:
    """To read is to use."""
    kept = Kept[str, int](2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1

    kept.put("c", 3)

    assert [kept.get(key) for key in "abc"] == [1, None, 3]


def test_sizes_add_up() -> None:
    """As many go as the newest needs; a value put again, or dropped, counts no longer; one too large for all is not kept."""
    kept = Kept[str, int](10)
    for key in "abc":
        kept.put(key, 0, 3)
    kept.put("d", 0, 5)
    assert [kept.get(key) for key in "abcd"] == [None, None, 0, 0]

    kept.put("d", 1, 2)
    kept.put("e", 0, 5)
    assert [kept.get(key) for key in "cde"] == [0, 1, 0]

    kept.drop(lambda key: key == "e")
    kept.put("f", 0, 5)
    kept.put("g", 0, 11)
    assert [kept.get(key) for key in "cdefg"] == [0, 1, None, 0, None]


@pytest.mark.parametrize(("panels_bytes", "n_reads"), [(1 << 20, 0), (10, 3)])
def test_sums_are_kept_in_memory_by_their_bytes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panels_bytes: int, n_reads: int
) -> None:
    """Those that have room are not read again; those larger than all the room are read from the store each time."""
    opened = Opened.over(store, tmp_path / "rows", panels_bytes=panels_bytes)
    rows = pa.RecordBatch.from_arrays(list(map(pa.array, np.random.default_rng(0).random((2, 9)))), names=["x", "y"])
    from_bytes, reads = Moments.from_bytes, 0

    def counted(value: bytes) -> Moments:
        nonlocal reads
        reads += 1
        return from_bytes(value)

    monkeypatch.setattr(Moments, "from_bytes", counted)

    made = opened.datasets.create([rows], "d", "float64")
    opened.sums.known(made, plain("x", "y"))
    made = opened.datasets.append(made.id, [rows]).made
    opened.sums.known(made, plain("x", "y"))

    assert reads == n_reads
