"""Imports point downwards: a reader who knows one layer needs to know only those below it."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
SOLVER_MAY_IMPORT = {"numpy", "scipy", "flint", "threadpoolctl"}


@cache
def graph() -> grimp.ImportGraph:
    """Every import in `service`, those inside functions and for type checkers too."""
    return grimp.build_graph("service", include_external_packages=True, cache_dir=None)


def imported_by(package: str) -> set[str]:
    """The modules outside `package` that something in it imports."""
    inside = {package} | graph().find_descendants(package)
    return {found for module in inside for found in graph().find_modules_directly_imported_by(module)} - inside


def belongs(module: str, *packages: str) -> bool:
    """Whether the module is one of the packages, or inside one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def test_the_layers_written_in_pyproject_hold_without_a_cycle_or_an_unplaced_module() -> None:
    """The contracts that `make check` reads: each module has a layer, and imports only from layers below."""
    linter = Path(sys.executable).with_name("lint-imports")

    verdict = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert verdict.returncode == 0, verdict.stdout


def test_only_the_app_and_the_command_line_read_settings() -> None:
    """Everything else is given the values it needs, so it can be used and tested without an environment."""
    readers = graph().find_modules_that_directly_import("service.settings")

    assert {module for module in readers if not belongs(module, "service.app", "service.cli")} == set()


def test_the_solver_imports_numerical_libraries_and_nothing_of_ours() -> None:
    """Whoever wants the arithmetic alone can take the folder: no HTTP, no database, no file format comes with it."""
    packages = {module.split(".")[0] for module in imported_by("service.solver")}

    assert packages - sys.stdlib_module_names <= SOLVER_MAY_IMPORT


def test_the_store_and_the_readers_of_formats_do_not_know_each_other() -> None:
    """A new format changes nothing in what is kept, and another store nothing in what is read."""
    assert not {module for module in imported_by("service.store") if belongs(module, "service.ingest")}
    assert not {module for module in imported_by("service.ingest") if belongs(module, "service.store")}
