"""Terms about a centre: far from 0 the powers of x nearly cancel in a polynomial, those of x - c do not.

The same polynomial, exactly: each power of x is a sum of those of x - c, with binomials and powers of c for weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import comb, frexp, log2, sqrt

from flint import fmpq, fmpz

from service.solver.moments import Moments
from service.solver.rounding import nearest, nearest_root, quotient
from service.solver.terms import Powers, Terms

# Twice the digits of a double hold terms that cancel by so much with ease. Nearer to 0 there is no centre, for it would
# take digits from predictions at values of x that are much smaller than most.
_HARMLESS_BITS = 20
# A weight that adds less than this part of the target's size is 0: balls cannot decide that it is exactly 0.
_NOTHING_BITS = 130

Weights = Mapping[int, fmpq]  # of the constant (0) and of the powers, by 1 + their places


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """A polynomial in x as one in x - centre: what each of its terms adds to the weights of these powers."""

    centre: tuple[float, ...]  # (b,)
    rows: tuple[Weights, ...]  # of each term
    sizes: tuple[int, ...]  # (1 + p,) rms of the constant and of the powers of x - centre, as exponents of 2, nearly
    target_size: int | None  # of the target likewise; None: it is 0 everywhere

    def select(self, kept: Iterable[int]) -> Expansion:
        """The sum of some of the terms, in all of the powers."""
        return replace(self, rows=tuple(self.rows[i] for i in kept))

    def nothing(self, place: int) -> fmpq:
        """A weight of the power that is none at all; the constant's place is 0."""
        return fmpq(0) if self.target_size is None else power_of_2(self.target_size - self.sizes[place] - _NOTHING_BITS)


def expansion(moments: Moments, target: str, terms: Terms) -> Expansion | None:
    """About a centre near the means of the base columns; None if it gains nothing. The moments have columns for all terms."""
    if not terms.has_products:
        return None
    degree = max(sum(exponent for _, exponent in term.powers) for term in terms.each)
    bases = sorted((term.powers[0][0], term.name) for term in terms.each if not term.is_product)
    found = [_Column.of(moments, name) for _, name in bases]
    centre = tuple(
        0.0 if j in terms.indicators else column.centre(degree) for (j, _), column in zip(bases, found, strict=True)
    )
    if not any(centre):
        return None
    sizes = [column.size(about) for column, about in zip(found, centre, strict=True)]
    y = _Column.of(moments, target)
    return Expansion(
        centre,
        tuple(expanded(terms, centre)),
        (0, *(sum(sizes[j] * exponent for j, exponent in term.powers) for term in terms.each)),
        y.size(0.0) if y.square != 0 else None,
    )


def expanded(terms: Terms, centre: Sequence[float]) -> list[dict[int, fmpq]]:
    """Each term in powers of x - centre: the weights by 1 + the place among the terms, the constant's at 0.

    Every factor of a term must be among them.
    """
    place = terms.places
    exact = [fmpq(*map(fmpz, value.as_integer_ratio())) for value in centre]

    def of_one(base: int, exponent: int) -> list[tuple[Powers, fmpq]]:
        c = exact[base]
        if c == 0:
            return [(((base, exponent),), fmpq(1))]
        return [(((base, m),) if m else (), comb(exponent, m) * c ** (exponent - m)) for m in range(exponent + 1)]

    rows = []
    for term in terms.each:
        row = {}
        for factors in product(*(of_one(*factor) for factor in term.powers)):
            weight = fmpq(1)
            powers: Powers = ()
            for part, own in factors:
                powers, weight = powers + part, weight * own
            row[place[powers]] = weight
        rows.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class _Column:
    """The sums of a column, in units as sent."""

    total: fmpz  # weight, in its unit, which cancels
    sum: fmpz
    square: fmpz
    unit: fmpq

    @classmethod
    def of(cls, moments: Moments, name: str) -> _Column:
        k = moments.columns.index(name)
        sums = moments.sums
        return cls(moments.total, sums[0, 1 + k], sums[1 + k, 1 + k], moments.exact_units[k])

    def centre(self, degree: int) -> float:
        """Near the mean, to about the standard deviation: a double of few bits; 0 if powers up to `degree` need none."""
        varies = self.total * self.square - self.sum * self.sum
        if varies == 0:
            return 0.0
        if degree * log2(1 + sqrt(quotient(int(self.sum * self.sum), int(varies)))) <= _HARMLESS_BITS:
            return 0.0
        step = power_of_2(_exponent(fmpq(varies, self.total * self.total) * self.unit * self.unit))
        steps = (fmpq(self.sum, self.total) * self.unit / step + fmpq(1, 2)).floor()
        return nearest(steps * step) or 0.0

    def size(self, centre: float) -> int:
        """The exponent of the root mean square about the centre."""
        c = fmpq(*map(fmpz, centre.as_integer_ratio())) / self.unit
        square = (self.square - 2 * c * self.sum + c * c * self.total) / self.total * self.unit * self.unit
        return _exponent(square) if square != 0 else 0


def _exponent(square: fmpq) -> int:
    return frexp(nearest_root(square) or 1.0)[1] - 1


def power_of_2(exponent: int) -> fmpq:
    return fmpq(fmpz(1) << exponent) if exponent >= 0 else fmpq(1, fmpz(1) << -exponent)
