"""What is multiplied, and in which order: a list of products of columns, each made from one before it and a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Powers = tuple[tuple[int, int], ...]  # (place of the column, exponent >= 1), places rising


@dataclass(frozen=True, slots=True)
class Step:
    """products[result] = products[shorter] * products[single]."""

    result: int
    shorter: int
    single: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The factors of the sums, right ones first, then, where rows are weighted, the left ones: weight * right factor.

    After them come what they are made from. The first factor is the constant, (), and the sums are those of all pairs
    left * right, left being right where there are no weights.
    """

    monomials: tuple[Powers, ...]
    n_factors: int
    n_columns: int  # places that the powers may name, the weight's being the last
    is_weighted: bool
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, factors: Sequence[Powers], n_columns: int, is_weighted: bool) -> Plan:
        """Args: factors: different ones, without the constant, which is put before them."""
        right: list[Powers] = [(), *factors]
        wanted = [*right, *((*powers, (n_columns - 1, 1)) for powers in right if is_weighted)]
        place = {powers: i for i, powers in enumerate(wanted)}
        if len(place) < len(wanted):
            raise ValueError("a factor is given twice")
        steps: list[Step] = []
        done: set[Powers] = set()
        for powers in wanted:
            chain: list[Powers] = []
            next_one = powers
            while next_one not in done and sum(power for _, power in next_one) > 1:
                chain.append(next_one)
                done.add(next_one)
                next_one = shorter(next_one)
            for longer in reversed(chain):
                single = ((longer[-1][0], 1),)
                result, before, column = (place.setdefault(made, len(place)) for made in (longer, shorter(longer), single))
                steps.append(Step(result, before, column))
        return cls(tuple(place), len(right), n_columns, is_weighted, tuple(steps))

    @property
    def left(self) -> range:
        """The places of the left factors."""
        start = self.n_factors if self.is_weighted else 0
        return range(start, start + self.n_factors)

    @property
    def has_products(self) -> bool:
        """Whether some right factor is not a column itself."""
        return any(sum(power for _, power in powers) > 1 for powers in self.monomials[: self.n_factors])

    @property
    def singles(self) -> tuple[tuple[int, int], ...]:
        """(place, column) of each monomial that is a column itself."""
        return tuple((i, powers[0][0]) for i, powers in enumerate(self.monomials) if len(powers) == 1 and powers[0][1] == 1)

    def factor_units(self, units: Sequence[int]) -> tuple[int, ...]:
        """The units of the right factors, given those of the columns."""
        return tuple(self.totals(units)[: self.n_factors])

    def weight_unit(self, units: Sequence[int]) -> int:
        return units[-1] if self.is_weighted else 0

    def totals(self, of_columns: Sequence[int]) -> list[int]:
        """For each monomial the sum of a figure of its columns: its bits, or its unit."""
        return [sum(power * of_columns[j] for j, power in powers) for powers in self.monomials]


def shorter(powers: Powers) -> Powers:
    """One factor of the last column less."""
    *before, (column, power) = powers
    return (*before, (column, power - 1)) if power > 1 else tuple(before)
