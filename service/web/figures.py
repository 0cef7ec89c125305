"""Figures and names as tables have them: to so many digits, in columns of one width with their points above each other."""

import unicodedata
from collections.abc import Sequence

NONE = "NA"  # a figure that does not exist, as R has it; a note says why
LONGEST = 32  # of a name in a column of text
_CUT = "…"
# What a terminal obeys and does not show, and what turns the rest of a line round: codes, and the marks of direction.
_OBEYED = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = {code: ascii(chr(code))[1:-1] for code in _OBEYED}


def number(value: float | None, digits: int = 6) -> str:
    """To so many significant digits, zeros at the end included; an integer whole."""
    if value is None:
        return NONE
    return str(value) if isinstance(value, int) else f"{value:#.{digits}g}".removesuffix(".")


def t_value(value: float | None) -> str:
    """To three decimals, as tables of coefficients have it, while that is short."""
    if value is None or abs(value) >= 1e5:
        return number(value, 4)
    return f"{value:.3f}"


def probability(value: float | None) -> str:
    """To three digits, however small it is: no threshold is a figure."""
    return NONE if value is None else f"{value:.3g}"


def plain(text: str) -> str:
    """What comes from outside, with nothing in it that a terminal would obey: such characters as Python writes them."""
    return text.translate(_SHOWN)


def width(text: str) -> int:
    """Columns of a terminal that it takes: letters of East Asia take two, marks upon letters none."""
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def aligned(cells: Sequence[str]) -> list[str]:
    """Of one width, points above each other; what has no point ends where they stand."""
    parts = [_around_point(cell) for cell in cells]
    left = max((len(whole) for whole, _ in parts), default=0)
    right = max((len(rest) for _, rest in parts), default=0)
    return [whole.rjust(left) + rest.ljust(right) for whole, rest in parts]


def _around_point(cell: str) -> tuple[str, str]:
    if not any(letter.isdigit() for letter in cell):
        return cell, ""
    place = next((i for i, letter in enumerate(cell) if letter in ".e"), len(cell))
    return cell[:place], cell[place:]


def cut(names: Sequence[str]) -> list[str]:
    """Those that are long without their middle, whose place a mark takes; whole, if two would be the same."""
    short = [_cut(name) for name in names]
    return short if len(set(short)) == len(set(names)) else list(names)


def _cut(name: str) -> str:
    if width(name) <= LONGEST:
        return name
    head, tail, room = "", "", (LONGEST - 1) // 2
    for letter in name:
        if width(head + letter) > room:
            break
        head += letter
    for letter in reversed(name):
        if width(letter + tail) > room:
            break
        tail = letter + tail
    return head + _CUT + tail
