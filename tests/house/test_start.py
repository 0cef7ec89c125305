"""What a start costs: what only some requests need is not imported before they come."""

import subprocess
import sys

HEAVY = {"scipy.special", "pyarrow.parquet", "pyarrow.dataset", "pandas", "matplotlib"}


def test_the_service_starts_without_what_few_requests_need() -> None:
    """Each is megabytes of memory and tenths of a second, in every worker process too."""
    code = f"import sys, service.cli; print(*sorted({HEAVY} & set(sys.modules)))"

    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert imported == []
