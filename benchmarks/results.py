"""results.json: what was measured last, row by row, with where and when."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.figures import Row
from benchmarks.growth.curves import Beside, Curve
from benchmarks.worker import ROOT

PATH = Path(__file__).with_name("results.json")
LIBRARIES = ("linefit", "numpy", "pyarrow", "python-flint", "uvicorn", "fastapi")


class Machine(BaseModel):
    """Where it was measured."""

    model_config = ConfigDict(frozen=True)

    processor: str
    cores: int
    memory_gb: int
    system: str
    versions: dict[str, str]


class Results(BaseModel):
    """All of results.json."""

    model_config = ConfigDict(frozen=True)

    machine: Machine
    rows: list[Row] = []
    curves: list[Curve] = []
    beside: list[Beside] = []


def read() -> Results | None:
    """What was written last, if anything."""
    return Results.model_validate_json(PATH.read_bytes()) if PATH.exists() else None


def write(results: Results) -> None:
    """Whole, or not at all."""
    begun = PATH.with_suffix(".new")
    begun.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
    begun.rename(PATH)


def with_row(row: Row, order: list[str]) -> Results:
    """What was written last, with the row in place of the one of its name, in the order of the table."""
    before = read() or Results(machine=machine())
    kept = {one.name: one for one in before.rows} | {row.name: row}
    return before.model_copy(update={"machine": machine(), "rows": [kept[name] for name in order if name in kept]})


def with_curve(curve: Curve) -> Results:
    """What was written last, with the curve in place of the one of its name."""
    before = read() or Results(machine=machine())
    kept = {one.name: one for one in before.curves} | {curve.name: curve}
    return before.model_copy(update={"machine": machine(), "curves": list(kept.values())})


def with_beside(beside: list[Beside]) -> Results:
    """What was written last, with these, which were measured together."""
    before = read() or Results(machine=machine())
    return before.model_copy(update={"machine": machine(), "beside": beside})


def stamped(row: Row) -> Row:
    """The row with when it was measured, and of which commit."""
    return row.model_copy(update={"date": datetime.now(UTC).date().isoformat(), "commit": commit()})


def commit() -> str:
    """Of the tree, with a + if files of the package have changed since."""

    def git(*arguments: str) -> str:
        ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return ran.stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "service") else "")


def machine() -> Machine:
    """The one that it runs on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        processor=processor, cores=os.cpu_count() or 1, memory_gb=round(memory / 2**30), system=platform.system(),
        versions={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    )  # fmt: skip
