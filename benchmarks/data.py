"""The rows that all are given: made once from a seed, kept below the environment, the same for everybody."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLDER = Path(__file__).with_name("made")  # in no hidden folder, from which H2O reads nothing
SEED = 20261128
BLOCK_ROWS = 1 << 16


def matrix(n: int, q: int, places: int | None = None) -> Floats:
    """Rows [X y], (n, q): normal features, the target a sum of them and noise; rounded to so many decimals, if at all."""
    rng = np.random.default_rng((SEED, n, q))
    rows = rng.standard_normal((n, q))
    rows[:, -1] += 1.0 + rows[:, :-1] @ np.linspace(-1.0, 2.0, q - 1)
    return rows if places is None else np.round(rows, places)


def rows(n: int, q: int, places: int | None = None) -> Path:
    """The rows as NPY, in C's order."""
    return _kept(f"{n}x{q}{'' if places is None else f'-{places}'}.npy", lambda path: np.save(path, matrix(n, q, places)))


def csv(n: int, q: int) -> Path:
    """The rows as CSV, every digit that a double needs; the columns are x1, …, y."""
    return _kept(f"{n}x{q}.csv", lambda path: pyarrow.csv.write_csv(_table(n, q), path))


def arrow(n: int, q: int) -> Path:
    """The rows as an Arrow stream, record batches of 65,536 rows."""

    def write(path: Path) -> None:
        table = _table(n, q)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=BLOCK_ROWS)

    return _kept(f"{n}x{q}.arrow", write)


def parquet(n: int, q: int) -> Path:
    """The rows as Parquet, as pyarrow writes it unless told otherwise."""
    return _kept(f"{n}x{q}.parquet", lambda path: pyarrow.parquet.write_table(_table(n, q), path))


def json_rows(n: int, q: int) -> Path:
    """The rows as JSON `{"X": [[…], …], "y": […]}`, without spaces."""

    def write(path: Path) -> None:
        values = matrix(n, q)
        body = {"X": values[:, :-1].tolist(), "y": values[:, -1].tolist()}
        path.write_text(json.dumps(body, separators=(",", ":")), encoding="utf-8")

    return _kept(f"{n}x{q}.json", write)


def names(q: int) -> list[str]:
    """Of the columns: x1, x2, …, y."""
    return [*(f"x{i}" for i in range(1, q)), "y"]


def _table(n: int, q: int) -> pa.Table:
    return pa.table(list(matrix(n, q).T), names=names(q))


def _kept(name: str, write: Callable[[Path], object]) -> Path:
    path = FOLDER / name
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole, with the ending that writers go by.
        begun = path.with_name(f"begun-{name}")
        write(begun)
        begun.rename(path)
    return path
