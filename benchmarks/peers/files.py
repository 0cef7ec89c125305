"""A file of rows read and fitted in one process, without HTTP and without keeping the rows: seconds, and the coefficients."""

import time
from collections.abc import Callable

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

Floats = NDArray[np.float64]


def _fit(X: Floats, y: Floats) -> list[float]:
    fit = LinearRegression(copy_X=False).fit(X, y)
    return [float(fit.intercept_), *fit.coef_.tolist()]


def _pandas(path: str) -> list[float]:
    frame = pd.read_csv(path)
    return _fit(frame.drop(columns="y").to_numpy(), frame["y"].to_numpy())


def _polars(path: str) -> list[float]:
    frame = pl.read_csv(path)
    return _fit(frame.drop("y").to_numpy(), frame["y"].to_numpy())


def _pyarrow(path: str) -> list[float]:
    return _of_table(pyarrow.csv.read_csv(path))


def _pyarrow_streaming(path: str) -> list[float]:
    """Read a block after the other on one thread, and only read."""
    for _ in pyarrow.csv.open_csv(path):
        pass
    return []


def _duckdb(path: str) -> list[float]:
    """The slope on one feature, which is all that it fits; of three features for the time of reading them."""
    slopes = ", ".join(f"regr_slope(y, x{i})" for i in range(1, 4))
    with duckdb.connect() as connection:
        connection.sql(f"SELECT {slopes} FROM read_csv('{path}')").fetchall()  # noqa: S608 (a path of ours)
    return []


def _arrow_stream(path: str) -> list[float]:
    with pa.OSFile(path, "rb") as source:
        return _of_table(pa.ipc.open_stream(source).read_all())


def _parquet(path: str) -> list[float]:
    return _of_table(pyarrow.parquet.read_table(path))


def _of_table(table: pa.Table) -> list[float]:
    X = np.column_stack([table.column(i).to_numpy() for i in range(table.num_columns - 1)])
    return _fit(X, table.column("y").to_numpy())


READERS: dict[str, Callable[[str], list[float]]] = {
    "pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow, "open_csv": _pyarrow_streaming, "duckdb": _duckdb,
    "arrow": _arrow_stream, "parquet": _parquet,
}  # fmt: skip


def read_and_fit(how: str, path: str) -> tuple[float, list[float]]:
    """By one of READERS."""
    started = time.perf_counter()
    found = READERS[how](path)
    return time.perf_counter() - started, found
