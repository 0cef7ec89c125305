"""How coarse the columns are: the rounding of a double, or the last place of a decimal, beside what a column varies by.

All of it follows from the sums, and the same rows give the same figures: the units that sums happen to be in do not count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flint import fmpz

from service.solver.centred import Centred
from service.solver.moments import Moments
from service.solver.rounding import quotient
from service.solver.units import BASE

# Whole numbers up to here are as sent; above it all doubles are whole, rounded ones too.
_LARGEST_WHOLE = 2**52
DOUBLE = 2.0**-53


@dataclass(frozen=True, slots=True)
class LastPlaces:
    """n u^2 / sum (x - mean)^2 for each column, n the total weight: 0 where the column is exact by construction.

    `rounding`: u = 2^-53 rms, what doubles that were computed are off by; 0 for decimals.
    `sent`, `target`: u is the last place, within half of which a value is taken to be good: 2^-52 rms for doubles, the
    last decimal that occurs. For the target the sum is that of its squares about 0.
    """

    rounding: tuple[float, ...]  # (p,)
    sent: tuple[float, ...]  # (p,)
    target: float

    def select(self, kept: Collection[int]) -> LastPlaces:
        return LastPlaces(tuple(self.rounding[i] for i in kept), tuple(self.sent[i] for i in kept), self.target)


def last_places(chosen: Moments, equation: Centred, exact: Collection[str]) -> LastPlaces:
    """Of `equation`, made of `chosen`; the columns named in `exact` are so by construction, and integers are."""
    total, scale = chosen.total, equation.scale
    finer = _finer_weights(chosen)
    in_decimals = chosen.numbers == "decimal"
    coarser = _coarser(chosen.sums.tolist(), finer) if in_decimals else [0] * len(chosen.columns)
    rounding, sent = [], []
    for k, name in enumerate(chosen.columns):
        square = chosen.sums[1 + k, 1 + k]
        own = square * scale
        varies = equation.gram[k, k] if k < equation.n_features else own
        unit = chosen.units[k] - coarser[k]
        if (
            name in exact
            or varies == 0
            or ((unit <= 0 if in_decimals else _is_whole(chosen, k, finer)) and _is_short(chosen, k))
        ):
            relative = place = 0.0
        elif in_decimals:
            up, down = 10 ** (2 * max(coarser[k], 0)), 10 ** (2 * max(-coarser[k], 0))
            relative, place = 0.0, quotient(int(total * scale * up), int(varies * down))
        else:
            relative = (1.0 if varies is own else quotient(int(own), int(varies))) * DOUBLE * DOUBLE
            place = 4 * relative
        rounding.append(relative)
        sent.append(place)
    return LastPlaces(tuple(rounding[:-1]), tuple(sent[:-1]), sent[-1])


def _finer_weights(chosen: Moments) -> int:
    """How many places the unit of the weights is finer than that of their sum; 0 without weights."""
    if chosen.weighted_rows is None:
        return 0
    places, base = max(0, chosen.weight_unit), BASE[chosen.numbers]
    while places and chosen.total % base ** (chosen.weight_unit - places + 1) == 0:
        places -= 1
    return chosen.weight_unit - places


def _is_short(chosen: Moments, k: int) -> bool:
    """Whether the values of column k, if whole, are as they were sent."""
    limit, unit, base = _LARGEST_WHOLE, chosen.units[k], BASE[chosen.numbers]
    up, down = base ** (2 * max(unit, 0)), base ** (2 * max(-unit, 0))
    return bool(chosen.sums[1 + k, 1 + k] * down <= chosen.total * limit * limit * up)


def _is_whole(chosen: Moments, k: int, finer: int) -> bool:
    """Whether the doubles of column k look like whole numbers: their sum is one, and that of their squares."""
    unit = chosen.units[k]
    square, total = chosen.sums[1 + k, 1 + k], chosen.sums[0, 1 + k]
    return _is_multiple(square, 2, 2 * unit + finer) and _is_multiple(total, 2, unit + finer)


def _is_multiple(value: fmpz, base: int, exponent: int) -> bool:
    return exponent <= 0 or value % fmpz(base) ** exponent == 0


def _coarser(sums: list[list[fmpz]], finer: int) -> list[int]:
    """How many places each decimal column's unit can be coarser for its sums to be whole numbers of it still.

    Its own sums say so wrongly once in some thousand columns, the products with the others hardly ever: where these are
    not whole the column that most of them accuse gives way, the first of them if there are several.
    """
    q = len(sums)
    places = [0] + [_own_places(sums[k][k], sums[0][k], finer) for k in range(1, q)]
    while any(places):
        accused = [0] * q
        for k in range(1, q):
            for j in range(1, k):
                if (places[j] or places[k]) and not _is_multiple(sums[j][k], 10, places[j] + places[k] + finer):
                    accused[j] += 1
                    accused[k] += 1
        if not any(accused):
            break
        places[accused.index(max(accused))] -= 1
    return places[1:]


def _own_places(square: fmpz, total: fmpz, finer: int) -> int:
    places = 0
    while square != 0 and _is_multiple(square, 10, 2 * places + 2 + finer) and _is_multiple(total, 10, places + 1 + finer):
        places += 1
    return places
