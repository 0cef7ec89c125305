"""What is installed is what was tested, byte for byte, from whatever mirror it comes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-serve.lock", "requirements-build.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(lock: str) -> list[str]:
    """A lock's requirements with their hashes, an entry a package; comments are left out."""
    lines = [line for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def locked(lock: str) -> dict[str, str]:
    """The version of each package in a lock."""
    found: dict[str, str] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.split("--hash")[0])
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        found[canonicalize_name(requirement.name)] = pin.version
    return found


def wanted(group: str) -> list[str]:
    """The ranges of a dependency group in pyproject.toml, with those of the groups that it includes."""
    found: list[str] = []
    items: list[Any] = PROJECT["dependency-groups"][group]
    for item in items:
        found += wanted(item["include-group"]) if isinstance(item, dict) else [item]
    return found


RANGES = {
    "requirements.lock": PROJECT["project"]["dependencies"] + wanted("dev"),
    "requirements-serve.lock": PROJECT["project"]["dependencies"],
    "requirements-build.lock": wanted("build"),
}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_its_hashes(lock: str) -> None:
    """A mirror, or whoever sits on the way to it, cannot put other bytes in the place of a package."""
    assert len(entries(lock)) == len(locked(lock)) > 0
    assert [entry for entry in entries(lock) if not re.search(r"--hash=sha256:[0-9a-f]{64}(\s|$)", entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_address(lock: str) -> None:
    """Where packages come from is the installer's own setting; a lock that named a host would not serve a mirror."""
    text = (ROOT / lock).read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|\s@\s", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_locked_satisfies_the_ranges_of_pyproject(lock: str) -> None:
    """A range that was changed without `make lock` is noticed here, not by whoever installs from the ranges."""
    versions = locked(lock)
    requirements = [Requirement(text) for text in RANGES[lock]]

    assert [str(r) for r in requirements if versions.get(canonicalize_name(r.name)) is None] == []
    assert [str(r) for r in requirements if versions[canonicalize_name(r.name)] not in r.specifier] == []


@pytest.mark.parametrize("lock", ["requirements-serve.lock", "requirements-build.lock"])
def test_the_image_is_made_of_the_versions_that_were_tested(lock: str) -> None:
    """The image's locks are parts of the development lock, version for version."""
    assert locked(lock).items() <= locked("requirements.lock").items()
