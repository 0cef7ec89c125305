"""Tables in Markdown of what results.json holds."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.figures import Against, Bound, Row, shown
from benchmarks.growth.curves import Beside, Curve
from benchmarks.results import Results

MET = {True: "yes", False: "**no**", None: ""}


def where(results: Results) -> str:
    """The machine, the versions, and when: a line."""
    machine, versions = results.machine, ", ".join(f"{name} {version}" for name, version in results.machine.versions.items())
    dates = sorted({row.date for row in results.rows if row.date})
    when = "" if not dates else f", {dates[0]}" if len(dates) == 1 else f", {dates[0]} to {dates[-1]}"
    return f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB, {machine.system}{when}; {versions}."


def summary(rows: Iterable[Row]) -> str:
    """What is asked, and whether it is met: a line each."""
    lines = [[row.work, *cells] for row in rows for cells in _asked(row)]
    return _table(("work", "linefit", "beside", "ratio", "asked", "met"), _once(lines))


def full(rows: Iterable[Row]) -> str:
    """Every peer and every bound: a line each, with the commit that was measured."""
    lines = []
    for row in rows:
        ours = shown(row.value, row.unit) if row.value is not None else row.note
        cells = [_peer(row, one) for one in row.against] + [_bound(bound) for bound in row.bounds]
        lines += [[row.work, ours, *one] for one in cells or [["", "", "", "", ""]]]
    return _table(("work", "linefit", "beside", "its figure", "ratio", "asked", "met"), _once(lines, 2))


def growth(curves: Iterable[Curve]) -> str:
    """A table for each thing that grows."""
    tables = []
    for against, group in groupby(sorted(curves, key=lambda curve: curve.against), key=lambda curve: curve.against):
        found = list(group)
        sizes = sorted({size for curve in found for size, _ in curve.points})
        lines = [
            [
                curve.work,
                *(shown(dict(curve.points).get(size), "s") for size in sizes),
                f"{curve.slope:.2f}",
                f"{curve.theory:g}, {curve.why}",
            ]
            for curve in found
        ]
        tables.append(_table((against, *(f"{size:,.0f}" for size in sizes), "slope", "theory"), lines))
    return "\n".join(tables)


def beside(found: Sequence[Beside]) -> str:
    """The first is idle; the others are compared with it."""
    lines = []
    for one in found:
        times = one.p99 / found[0].p99
        asked = "" if one.most_ratio is None else f"under {one.most_ratio:g} times idle"
        met = MET[None if one.most_ratio is None else times < one.most_ratio]
        lines.append([one.load, shown(one.p50, "s"), shown(one.p99, "s"), f"{times:.1f}", asked, met])
    return _table(("meanwhile", "p50", "p99", "times idle", "asked", "met"), lines)


def _asked(row: Row) -> list[list[str]]:
    if row.value is None:
        return [[row.note, "", "", "", "**no**"]]
    ours = shown(row.value, row.unit)
    peers = [
        [ours, f"{one.peer} {shown(one.value, row.unit)}", *_peer(row, one)[2:]]
        for one in row.against
        if one.asked is not None
    ]
    bounds = [[shown(bound.value, bound.unit), bound.what, "", bound.text, MET[bound.is_met]] for bound in row.bounds]
    return peers + bounds


def _peer(row: Row, one: Against) -> list[str]:
    name = f"{one.peer} ({one.note})" if one.note and one.value is not None else one.peer
    value = shown(one.value, row.unit) if one.value is not None else one.note
    asked = one.asked.text if one.asked is not None else ""
    return [
        name,
        value,
        "" if one.ratio is None else f"{one.ratio:,.0f}" if one.ratio >= 100 else f"{one.ratio:.3g}",
        asked,
        MET[one.is_met],
    ]


def _bound(bound: Bound) -> list[str]:
    return [f"({bound.what})", shown(bound.value, bound.unit), "", bound.text, MET[bound.is_met]]


def _once(lines: list[list[str]], n: int = 1) -> list[list[str]]:
    """The first n cells of a row are said in the first of its lines."""
    before: list[str] = []
    told = []
    for line in lines:
        told.append([*([""] * n if line[:n] == before else line[:n]), *line[n:]])
        before = line[:n]
    return told


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [list(head), ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)
