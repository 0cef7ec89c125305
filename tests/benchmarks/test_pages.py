"""The figures that users read are those that were measured."""

from pathlib import Path

import pytest

from benchmarks import pages, results


@pytest.mark.parametrize("page", [pages.README, pages.SPEED], ids=lambda page: str(page.name))
def test_a_page_shows_what_results_json_holds(page: Path) -> None:
    """Nobody mends a figure by hand, and none stays behind when it is measured anew."""
    found = results.read()
    assert found is not None

    assert page.read_text(encoding="utf-8") == pages.rendered(page, found)


def test_a_page_without_its_section_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A section whose comments were lost would be measured for nobody."""
    page = tmp_path / "page.md"
    page.write_text("# A page\n", encoding="utf-8")
    monkeypatch.setitem(pages.SECTIONS, (page, "figures"), lambda _: "")
    found = results.read()
    assert found is not None

    with pytest.raises(ValueError, match=r"page\.md has no section figures"):
        pages.rendered(page, found)
