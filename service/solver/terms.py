"""The terms of a fit: powers and products of its base columns, in order, with their names. Nothing here knows of rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import comb

from service.solver.errors import AmbiguousTerm


@dataclass(frozen=True, slots=True)
class Base:
    """A column of the block that terms are made of."""

    name: str
    group: str | None = None  # the categorical column that this 0/1 indicator belongs to; None: a column of numbers


Powers = tuple[tuple[int, int], ...]  # (place of the base, exponent >= 1), places rising


@dataclass(frozen=True, slots=True)
class Term:
    """A product of powers of base columns."""

    name: str
    powers: Powers

    @property
    def is_product(self) -> bool:
        """Whether it is not a base column itself."""
        return len(self.powers) > 1 or self.powers[0][1] > 1


@dataclass(frozen=True, slots=True)
class Derivative:
    """Of the term at `of`: `exponent` times what stands at `lower` among [1, *terms]."""

    of: int
    exponent: int
    lower: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the features of a fit are made of: each with every factor of it, as `terms` has them."""

    each: tuple[Term, ...]
    indicators: frozenset[int] = frozenset()  # places of the bases that are 0 or 1

    def select(self, kept: Iterable[int]) -> "Terms":
        """Some of them, of which factors may be missing."""
        return Terms(tuple(self.each[i] for i in kept), self.indicators)

    @property
    def has_products(self) -> bool:
        return any(term.is_product for term in self.each)

    @property
    def bases(self) -> list[int]:
        """The places of the base columns that are in them, rising."""
        return sorted({base for term in self.each for base, _ in term.powers})

    @property
    def places(self) -> dict[Powers, int]:
        """1 + the place of each among the terms; 0 of the constant, as in the sums of products of [1, *terms]."""
        return {(): 0} | {term.powers: 1 + k for k, term in enumerate(self.each)}

    def derivatives(self, base: int) -> "list[Derivative] | None":
        """Those by a base column that are not 0; None if one is a multiple of no term, nor of the constant."""
        places = self.places
        found = []
        for k, term in enumerate(self.each):
            exponent = dict(term.powers).get(base, 0)
            lower = tuple((j, e - (j == base)) for j, e in term.powers if j != base or e > 1)
            if exponent and lower not in places:
                return None
            if exponent:
                found.append(Derivative(k, exponent, places[lower]))
        return found

    @property
    def made_exactly(self) -> frozenset[str]:
        """The terms whose values are not read but made: products and indicators hold no rounding of their own."""
        return frozenset(term.name for term in self.each if term.is_product or term.powers[0][0] in self.indicators)


def terms(bases: Sequence[Base], degree: int = 1, interactions: bool = False) -> tuple[Term, ...]:
    """All terms of a fit, by total degree, and within one in the order of combinations_with_replacement of the columns.

    Without interactions these are the powers 1 .. degree of each column; with them all products whose exponents are at
    most `degree` and whose total degree is at most max(degree, 2). An indicator is its own square and 0 times another of
    its group, so it has no powers and no products within its group.

    Raises: AmbiguousTerm: two terms have one name, as when a column is called "x^2" beside one called "x".
    """
    last = max(degree, 2) if interactions else degree
    found: list[tuple[int, ...]] = []
    level: list[tuple[int, ...]] = [()]  # the places of the factors, rising
    for _ in range(last):
        # The first factors of a product that may be are themselves one: nothing is made in vain.
        level = [(*places, j) for places in level for j in followers(places, bases, degree, interactions)]
        found += level
    made = tuple(Term(name_of(powers, bases), powers) for powers in map(as_powers, found))
    seen: set[str] = set()
    for term in made:
        if term.name in seen:
            raise AmbiguousTerm(term.name)
        seen.add(term.name)
    return made


def followers(places: tuple[int, ...], bases: Sequence[Base], degree: int, interactions: bool) -> list[int]:
    """The columns that may come after the given factors."""
    if not places:
        return list(range(len(bases)))
    groups = {bases[j].group for j in places} - {None}
    return [
        j
        for j in range(places[-1], len(bases) if interactions else places[-1] + 1)
        if bases[j].group not in groups and places.count(j) < degree
    ]


def as_powers(places: tuple[int, ...]) -> Powers:
    return tuple((j, len(list(same))) for j, same in groupby(places))


def name_of(powers: Powers, bases: Sequence[Base]) -> str:
    """Such as x1^2*x2."""
    return "*".join(bases[j].name if power == 1 else f"{bases[j].name}^{power}" for j, power in powers)


def n_terms(n_numeric: int, groups: Sequence[int], degree: int = 1, interactions: bool = False) -> int:
    """How many terms there would be: counted, not made, so that an absurd degree costs nothing to refuse.

    Args: n_numeric: columns of numbers. groups: how many indicators each categorical column has.
    """
    if not interactions:
        return n_numeric * degree + sum(groups)
    if degree == 1:  # a column of numbers is then as a group of one: no powers
        n_numeric, groups = 0, [*groups, *[1] * n_numeric]
    last = max(degree, 2)
    chosen = [1]  # chosen[k]: products of k indicators of different groups
    for size in groups:
        longer = [a + size * b for a, b in zip([*chosen, 0], [0, *chosen], strict=True)]
        chosen = longer[: last + 1]
    return sum(ways * comb(n_numeric + last - k, n_numeric) for k, ways in enumerate(chosen)) - 1
