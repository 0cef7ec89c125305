"""The documents agree with the code they speak of, and with each other."""

import re
from pathlib import Path

import pytest

from service.api.problems import PROBLEMS
from service.settings import Settings
from tests.docs.markdown import PAGES, ROOT, anchors, links

API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
# What the framework refuses, and what is our own fault, is no exception of ours and so in no table.
OF_THE_FRAMEWORK = {"method-not-allowed", "invalid-parameter", "http-error", "internal-error"}


def settings_table() -> str:
    """The table of settings as the documents must have it."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if str(field.default) else "empty"
        rows.append(f"| `LINEFIT_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def listed_problems() -> dict[str, str]:
    """The statuses of each problem in the table."""
    return dict(re.findall(r"^\| `([a-z-]+)` \| ([\d, any]+) \|", API[API.index("## Errors") :], re.MULTILINE))


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """An operator finds every setting, with the default it really has."""
    assert settings_table() in SETTINGS, f"docs/settings.md must have this table:\n\n{settings_table()}"


def test_every_problem_that_can_be_answered_is_listed_with_its_status() -> None:
    """A client can be written for all of them, and for none that does not exist."""
    listed = listed_problems()

    assert listed.keys() == {slug for _, slug in PROBLEMS.values()} | OF_THE_FRAMEWORK
    assert [slug for status, slug in PROBLEMS.values() if str(status) not in listed[slug]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    """Files and headings that are linked to are there."""
    for link in links(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{link} names no heading"


def test_every_document_can_be_reached_from_the_readme() -> None:
    """A page that nothing links to is read by nobody."""
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        named = [link.partition("#")[0] for link in links(page.read_text(encoding="utf-8")) if "://" not in link]
        found = {(page.parent / name).resolve() for name in named if name.endswith(".md")}
        waiting += sorted(found - reached - set(waiting))

    assert set(PAGES) <= reached
