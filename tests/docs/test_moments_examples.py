"""The examples of moments run: each makes the moments of its rows, exactly, in the form that is taken."""

import json
import os
import shutil
import sqlite3
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.ingest.json_rows import DatasetBody, MomentsBody, parse
from service.solver.exchange import moments_from
from service.solver.moments import Moments
from tests.docs.markdown import ROOT

EXAMPLES = ROOT / "docs" / "examples"
COMPILERS = [["cc"], ["gcc"], ["clang"]]
# Areas in square metres, numbers of rooms, prices: what sums of doubles would round.
SALES = [("63.5", 2, "249000.99"), ("120.1", 5, "512345.10"), ("80.0", 3, "333333.33"), ("41.7", 1, "179999.95")]

IN_POSTGRESQL = """
    CREATE TABLE sales (area NUMERIC(8, 1), rooms INTEGER, price NUMERIC(12, 2));
    INSERT INTO sales VALUES (63.5, 2, 249000.99), (120.1, 5, 512345.10), (99.9, NULL, 1.00), (80.0, 3, 333333.33),
        (41.7, 1, 179999.95);
"""


def taken(printed: str) -> Moments:
    """The moments that the service would make of what an example printed."""
    sent = parse(DatasetBody, printed.encode()).moments
    assert isinstance(sent, MomentsBody)
    return moments_from(sent.columns, sent.sums, sent.numbers, sent.places)


def of_sales() -> str:
    rows = np.array([[float(value) for value in row] for row in SALES])
    return Moments.of(rows, ("area", "rooms", "price"), "decimal").digest()


def test_postgresql_sums_numeric_columns_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real PostgreSQL: what the query prints is taken, and is the moments of the rows that are complete."""
    if os.getuid() == 0 and shutil.which("useradd") is None:
        pytest.skip("PostgreSQL does not run as root, and there is nothing that adds another user")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    pgserver: Any = pytest.importorskip("pgserver", reason="its wheels are for x86_64 and Python before 3.13")
    query = (EXAMPLES / "moments_postgresql.sql").read_text(encoding="utf-8")

    server = pgserver.get_server(tmp_path / "data", cleanup_mode="delete")
    try:
        server.psql(IN_POSTGRESQL)
        printed = server.psql(f"\\pset tuples_only on\n\\pset format unaligned\n{query}")
    finally:
        server.cleanup()

    assert taken(printed[printed.index("{") :]).digest() == of_sales()


def test_sqlite_sums_integers_exactly() -> None:
    """Scaled integers and places: the moments of the decimals that they stand for."""
    query = (EXAMPLES / "moments_sqlite.sql").read_text(encoding="utf-8")
    rows = [(int(Decimal(area) * 10), rooms, int(Decimal(price) * 100)) for area, rooms, price in SALES]
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE sales (area_tenths INTEGER, rooms INTEGER, price_cents INTEGER)")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?)", [*rows, (999, None, 100)])
        (printed,) = connection.execute(query).fetchone()
    finally:
        connection.close()

    assert taken(printed).digest() == of_sales()


def test_c_sums_counts_exactly(tmp_path: Path) -> None:
    """Compiled with every warning an error; counts of both signs, up to the largest the comment allows."""
    compiler = next((found for found in COMPILERS if shutil.which(found[0])), None)
    if compiler is None:
        pytest.skip("there is no C compiler here")
    program = tmp_path / "moments"
    source = EXAMPLES / "moments.c"
    subprocess.run(
        [*compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-o", program, source], check=True, timeout=60
    )
    counts = np.random.default_rng(0).integers(-(2**20) + 1, 2**20, (5000, 2))
    lines = "\n".join(f"{t} {v}" for t, v in counts.tolist())

    printed = subprocess.run([program], input=lines, capture_output=True, text=True, check=True, timeout=60).stdout

    rows = np.array([[float(f"{t / 100:.2f}"), float(f"{v / 1000:.3f}")] for t, v in counts.tolist()])
    assert json.loads(printed)["moments"]["places"] == [2, 3]
    assert taken(printed).digest() == Moments.of(rows, ("temperature", "voltage"), "decimal").digest()
