"""Moments in a form that other programs read and write: decimal integers as text, or plain decimal sums.

The same rows give the same text: the units of the columns are a function of the values of the sums alone.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from flint import fmpz

from service.solver.entries import symmetric
from service.solver.errors import NotMoments
from service.solver.moments import Moments
from service.solver.reading import LARGEST, SMALLEST, Numbers
from service.solver.semidefinite import rank_if_semidefinite
from service.solver.units import BASE, trailing_zeros

MOST_SAMPLES = 2**63 - 1
MOST_PLACES = 2048  # numbers within 1e-150 .. 1e150 come to 551 in base 2, sums of products with them to twice that
# Digits of a sum: at most 2**63 squares of 1e150 are below 1e320, and 2 x 1102 binary places add 664.
MOST_DIGITS = 1024

_DECIMAL = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?")
_LARGEST_SQUARE = fmpz(10) ** 300  # and the inverse of the smallest
_TEXT = 80  # characters of a sum that a message repeats


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Moments as text: entry (i, j) of the upper triangle, row by row, is in units of base**-(places[i] + places[j]).

    Row and column 0 are those of the constant 1, of 0 places; `places` leaves it out.
    """

    places: tuple[int, ...]
    sums: list[list[str]]


@dataclass(frozen=True, slots=True)
class _Value:
    """digits * base**exponent, and base does not divide digits; of zero both are 0."""

    digits: int
    exponent: int


_ZERO = _Value(0, 0)


def exchanged(moments: Moments) -> Exchanged:
    """The moments as text, the same for the same values."""
    base, units = BASE[moments.numbers], (0, *moments.units)
    sums, side = moments.sums, len(units)  # read entry by entry: all at once would keep other threads waiting
    triangle = [[_reduced(int(sums[i, j]), base, -units[i] - units[j]) for j in range(i, side)] for i in range(side)]
    places = _places(triangle)
    return Exchanged(places[1:], [list(map(str, row)) for row in _integers(triangle, places, base)])


def moments_from(
    columns: Sequence[str],
    sums: Sequence[Sequence[object]],
    numbers: Numbers | None = None,
    places: Sequence[int] | None = None,
    n_samples: int | None = None,
) -> Moments:
    """The moments that were sent: integers in units of the places, or decimals if there are no places.

    Args: sums: of [1, *columns], the upper triangle row by row, or all of the matrix; text or integers.
    Raises: NotMoments: it is not that, or there are no rows that have these sums. Unresolved.
    """
    if places is None:
        if numbers == "float64":
            raise NotMoments('sums of doubles come with "places": as decimals they would be rounded', ("numbers",))
        read = _decimal
    else:
        if numbers is None:
            raise NotMoments('with "places" say what a number means: "decimal" (base 10) or "float64" (base 2)', ("numbers",))
        if len(places) != len(columns):
            raise NotMoments(f"expected {len(columns)} places, one a column, got {len(places)}", ("places",))
        for j, place in enumerate(places):
            if abs(place) > MOST_PLACES:
                raise NotMoments(f"{place} places are more than the limit of {MOST_PLACES}", ("places", j))
        read = _integer
    numbers = numbers or "decimal"
    base, given = BASE[numbers], (0, *(places or [0] * len(columns)))

    def value(i: int, j: int, sent: object, at: int) -> _Value:
        digits, exponent = read(sent, ("sums", i, at))
        return _reduced(digits, base, exponent - given[i] - given[j])

    triangle = _triangle(sums, len(given), value)
    _require_count(triangle[0][0], base, n_samples)
    units = _places(triangle)
    if max(map(abs, units)) > MOST_PLACES:
        raise NotMoments(f"the sums need more than {MOST_PLACES} places", ("sums",))
    integers = (map(fmpz, row) for row in _integers(triangle, units, base))
    found = Moments(tuple(columns), numbers, units[1:], symmetric(integers, len(units)))
    _require_rows(found)
    return found


def _require_rows(moments: Moments) -> None:
    """Raise NotMoments unless there are rows of real numbers that have these sums.

    There are if and only if the matrix of the sums is positive semidefinite and of a rank of at most the number of rows:
    it is Y'Y then, Y (n, 1 + q), and a rotation makes the first column of Y the ones that it must be.
    """
    sums, n, base = moments.sums, fmpz(moments.n_samples), fmpz(BASE[moments.numbers])
    totals = [sums[0, j] for j in range(1, sums.nrows())]
    for j, (name, unit, total) in enumerate(zip(moments.columns, moments.units, totals, strict=True), start=1):
        if sums[j, j] > n * _LARGEST_SQUARE * base ** (2 * unit):
            raise NotMoments(f"the sum of squares of {name!r} is more than {n} numbers up to {LARGEST:g} have", ("sums", j))
        if 0 < sums[j, j] * _LARGEST_SQUARE < base ** (2 * unit):
            raise NotMoments(
                f"the sum of squares of {name!r} is less than that of a number of at least {SMALLEST:g}", ("sums", j)
            )
        if n * sums[j, j] < total**2:
            raise NotMoments(
                f"no rows have these sums: that of the squares of {name!r} is less than the square of its sum over n_samples",
                ("sums", j),
            )
    side = len(totals)
    centred = ([n * sums[1 + i, 1 + j] - totals[i] * totals[j] for j in range(i, side)] for i in range(side))
    rank = rank_if_semidefinite(symmetric(centred, side))
    if rank is None:
        raise NotMoments(
            "no rows have these sums: they are not positive semidefinite, so some combination of the columns would have a "
            "negative sum of squares",
            ("sums",),
        )
    if rank + 1 > n:
        raise NotMoments(f"no {n} rows have these sums: their rank, with the constant's, is {rank + 1}", ("sums",))


def _require_count(first: _Value, base: int, n_samples: int | None) -> None:
    n = first.digits * base**first.exponent if 0 <= first.exponent <= MOST_PLACES else 0
    if not 0 < n <= MOST_SAMPLES:
        raise NotMoments(f"the first sum is the number of rows: an integer from 1 to {MOST_SAMPLES}", ("sums", 0, 0))
    if n_samples is not None and n_samples != n:
        raise NotMoments(f"n_samples is {n_samples}, and the first sum, that of the constant's squares, {n}", ("n_samples",))


def _triangle(
    sums: Sequence[Sequence[object]], side: int, value: "Callable[[int, int, object, int], _Value]"
) -> list[list[_Value]]:
    """The upper triangle, row by row, of that or of the whole."""
    if len(sums) != side:
        raise NotMoments(f"expected {side} rows of sums, one for the constant and one a column, got {len(sums)}", ("sums",))
    is_whole = all(len(row) == side for row in sums)
    for i, row in enumerate(sums):
        if not is_whole and len(row) != side - i:
            raise NotMoments(
                f"row {i} has {len(row)} sums: expected {side - i} in an upper triangle, or {side} in every row", ("sums", i)
            )
    if not is_whole:
        return [[value(i, i + at, sent, at) for at, sent in enumerate(row)] for i, row in enumerate(sums)]
    whole = [[value(i, j, sent, j) for j, sent in enumerate(row)] for i, row in enumerate(sums)]
    for i in range(side):
        for j in range(i):
            if whole[i][j] != whole[j][i]:
                raise NotMoments(f"the matrix is not symmetric: sum ({i}, {j}) is not sum ({j}, {i})", ("sums", i, j))
    return [row[i:] for i, row in enumerate(whole)]


def _integer(sent: object, place: tuple[str | int, ...]) -> tuple[int, int]:
    digits, exponent = _decimal(sent, place)
    if exponent:
        raise NotMoments(f"expected an integer, in units of the places, got {_shown(sent)}", place)
    return digits, 0


def _decimal(sent: object, place: tuple[str | int, ...]) -> tuple[int, int]:
    if isinstance(sent, float):
        raise NotMoments("a JSON number with a point or an exponent is read as a double, which rounds: send text", place)
    if isinstance(sent, int) and not isinstance(sent, bool):
        if abs(sent) >= _LIMIT:
            raise NotMoments(f"the sum has more than {MOST_DIGITS} digits", place)
        return sent, 0
    found = _DECIMAL.fullmatch(sent) if isinstance(sent, str) else None
    if found is None:
        raise NotMoments(f'expected a sum as text, such as "-1234.5678", or as an integer, got {_shown(sent)}', place)
    sign, whole, part, power = found[1], found[2], found[3] or "", int(found[4] or 0)
    if len(whole) + len(part) > MOST_DIGITS or abs(power) > MOST_DIGITS:
        raise NotMoments(f"the sum has more than {MOST_DIGITS} digits", place)
    return int(sign + whole + part), power - len(part)


_LIMIT = 10**MOST_DIGITS


def _shown(sent: object) -> str:
    text = {list: "a list", dict: "an object", type(None): "null", bool: str(sent).lower()}.get(type(sent), repr(sent))
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


def _reduced(digits: int, base: int, exponent: int) -> _Value:
    if digits == 0:
        return _ZERO
    if base == 2:
        zeros = trailing_zeros(digits)
        return _Value(digits >> zeros, exponent + zeros)
    if digits % 10:
        return _Value(digits, exponent)
    text = str(digits)
    short = text.rstrip("0")
    return _Value(int(short), exponent + len(text) - len(short))


def _places(triangle: Sequence[Sequence[_Value]]) -> tuple[int, ...]:
    """The fewest places, none below 0, in which all sums are integers, column after column; of the constant 0.

    They depend on nothing but the values. Units coarser than 1 would save digits of one column, and cost another places.
    """
    side = len(triangle)
    places = [0] * side
    needed = [0] * side  # by the sums with the columns before
    for i, row in enumerate(triangle):
        places[i] = max(needed[i], -(row[0].exponent // 2), 0) if i else 0
        for j, value in enumerate(row[1:], start=i + 1):
            if value.digits:
                needed[j] = max(needed[j], -value.exponent - places[i])
    return tuple(places)


def _integers(triangle: Sequence[Sequence[_Value]], places: Sequence[int], base: int) -> Iterator[list[int]]:
    factor = cache(lambda power: base**power)
    for i, row in enumerate(triangle):
        yield [
            value.digits * factor(value.exponent + places[i] + places[j]) if value.digits else 0
            for j, value in enumerate(row, start=i)
        ]
