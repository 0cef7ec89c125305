"""The pages that show results.json: between two comments each, what is there is replaced."""

from collections.abc import Callable
from pathlib import Path

from benchmarks import report, results
from benchmarks.results import Results
from benchmarks.worker import ROOT

README, SPEED = ROOT / "README.md", ROOT / "docs" / "speed.md"

SECTIONS: dict[tuple[Path, str], Callable[[Results], str]] = {
    (README, "figures"): lambda found: f"{report.summary(found.rows)}\n{report.where(found)}\n",
    (SPEED, "where"): lambda found: f"{report.where(found)}\n",
    (SPEED, "table"): lambda found: report.full(found.rows),
    (SPEED, "beside"): lambda found: report.beside(found.beside),
    (SPEED, "growth"): lambda found: report.growth(found.curves),
}


def write(found: Results) -> None:
    """results.json, and the pages that show it."""
    results.write(found)
    for page in {page for page, _ in SECTIONS}:
        page.write_text(rendered(page, found), encoding="utf-8")


def rendered(page: Path, found: Results) -> str:
    """The page as it is when it shows these results. Raises: ValueError: a section's comments are not there."""
    text = page.read_text(encoding="utf-8")
    for (where, name), render in SECTIONS.items():
        if where == page:
            begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
            if begin not in text or end not in text:
                raise ValueError(f"{page.name} has no section {name}")
            before, after = text.split(begin)[0], text.split(end)[-1]
            text = f"{before}{begin}{render(found)}{end}{after}"
    return text
