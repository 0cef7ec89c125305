"""Tables in Markdown of what results.json holds."""

from collections.abc import Iterable

from benchmarks.figures import Row, shown

HEAD = "| work | linefit | beside | | ratio | asked | met |\n|---|---|---|---|---|---|---|\n"
MET = {True: "yes", False: "**no**", None: ""}


def lines(rows: Iterable[Row]) -> str:
    """A line a peer and a bound."""
    return HEAD + "\n".join("| " + " | ".join(cells) + " |" for row in rows for cells in _cells(row)) + "\n"


def _cells(row: Row) -> list[list[str]]:
    if row.value is None:
        return [[row.work, row.note, "", "", "", "", ""]]
    ours = shown(row.value, row.unit)
    found = []
    for one in row.against:
        value = shown(one.value, row.unit) if one.value is not None else one.note
        name = f"{one.peer} ({one.note})" if one.note and one.value is not None else one.peer
        ratio = "" if one.ratio is None else f"{one.ratio:.3g}"
        found.append([name, value, ratio, one.asked.text if one.asked else "", MET[one.is_met]])
    found += [[bound.what, shown(bound.value, bound.unit), "", bound.text, MET[bound.is_met]] for bound in row.bounds]
    return [[row.work if i == 0 else "", ours if i == 0 else "", *cells] for i, cells in enumerate(found)]
