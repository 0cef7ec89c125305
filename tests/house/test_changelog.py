"""The changelog and the package speak of the same version."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADING = re.compile(r"^## \[(?P<version>\d+\.\d+\.\d+)\] - (?P<date>Unreleased|\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def test_the_newest_version_in_the_changelog_is_that_of_the_package() -> None:
    """A release that nobody described, or a description of none, is noticed."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = list(HEADING.finditer(text))

    assert headings[0]["version"] == project["version"]
    assert len(headings) == len(re.findall("^## ", text, re.MULTILINE)), "every section is a version with its date"
    assert [h["version"] for h in headings[1:] if h["date"] == "Unreleased"] == []
