"""A summary as text for terminals: in columns, some 80 wide if names are short."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from service.web.figures import aligned, cut, plain, width
from service.web.summary import Pairs, Summary

LEAST = 72  # columns: notes in less are hard to read
GAP = 2


def as_text(summary: Summary) -> str:
    """Lines end with a newline, the last one too."""
    table = [*_coefficients(summary)]
    heads = [*_beside(summary.subject, summary.quality)]
    tests = [*_beside(summary.diagnostics[::2], summary.diagnostics[1::2])]
    wide = max(LEAST, *map(width, [*table, *heads, *tests]))
    lines = [summary.title, "=" * wide, *heads, "-" * wide, *table]
    if summary.residuals:
        lines += ["-" * wide, "Residuals", *_across(summary.residuals)]
    if tests:
        lines += ["-" * wide, *tests]
    if summary.validation is not None:
        title, pairs = summary.validation
        lines += ["-" * wide, title, *_beside(pairs[::2], pairs[1::2])]
    lines.append("=" * wide)
    for i, note in enumerate(summary.notes, 1):
        lines += textwrap.wrap(f"[{i}] {note}", wide, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return "".join(f"{plain(line).rstrip()}\n" for line in lines)


def _coefficients(summary: Summary) -> Iterator[str]:
    terms, *columns = zip(*summary.coefficients, strict=True) if summary.coefficients else [()] * len(summary.heads)
    names = cut([*map(plain, terms)])
    left = max(map(width, names), default=0)
    shown = [_column(head, aligned(cells)) for head, cells in zip(summary.heads[1:], columns, strict=True)]
    for name, *cells in zip([summary.heads[0], *names], *shown, strict=True):
        yield _padded(name, left) + "".join(" " * GAP + cell for cell in cells)


def _column(head: str, cells: Sequence[str]) -> list[str]:
    side = max(len(head), *map(len, cells), 0)
    return [text.rjust(side) for text in (head, *cells)]


def _beside(left: Pairs, right: Pairs) -> Iterator[str]:
    """Two columns of names and figures."""
    halves = [[*_half(pairs)] for pairs in (left, right)]
    side = max(map(width, halves[0]), default=0)
    for one, other in zip_longest(*halves, fillvalue=""):
        yield _padded(one, side) + " " * 2 * GAP + other


def _half(pairs: Pairs) -> Iterator[str]:
    names, values = [name for name, _ in pairs], cut([plain(value) for _, value in pairs])
    left, right = max(map(width, names), default=0), max(map(width, values), default=0)
    for name, value in zip(names, values, strict=True):
        yield _padded(name, left + GAP) + " " * (right - width(value)) + value


def _across(pairs: Pairs) -> Iterator[str]:
    sides = [max(len(name), len(value)) for name, value in pairs]
    for cells in zip(*pairs, strict=True):
        yield "".join(" " * GAP + cell.rjust(side) for cell, side in zip(cells, sides, strict=True)).removeprefix(" " * GAP)


def _padded(text: str, side: int) -> str:
    return text + " " * (side - width(text))
