"""What a start costs: what only some requests need is not imported before they come."""

import subprocess
import sys
from pathlib import Path

HEAVY = {"scipy.special", "numpy.random", "pyarrow.parquet", "pyarrow.dataset", "pyarrow.fs", "pandas", "matplotlib", "jinja2"}
STARTED = """
import asyncio, pathlib, sys
import service.start
try:
    sys.argv[2:] = ["--version"]
    service.start.main()
except SystemExit:
    pass
from service.app import create_app
from service.settings import Settings

async def imported():
    app = create_app(Settings(data_dir=pathlib.Path(sys.argv[1])))
    async with app.router.lifespan_context(app):
        return set(sys.modules)

print(*asyncio.run(imported()))
"""


def test_the_service_starts_without_what_few_requests_need(tmp_path: Path) -> None:
    """Each is megabytes of memory and tenths of a second, most of them in every worker process too."""
    command = [sys.executable, "-c", STARTED, str(tmp_path)]

    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert HEAVY & set(imported) == set()
    assert "service.registry.datasets" in imported
