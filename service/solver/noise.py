"""What the rounding of the values read moves a combination of columns by: an error of x moves all powers of x together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flint import arb, arb_mat, fmpq

from service.solver.centred import Centred
from service.solver.last_place import DOUBLE, LastPlaces
from service.solver.moments import Moments
from service.solver.terms import Terms


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Twelve times the sum over the rows of the squares that rounding leaves, as a quadratic form of a combination's weights.

    Of columns that are read it is diagonal, n u_k^2 on column k. Of terms that are products of columns b it is the sum over b
    of u_b^2 times the sums of products of the terms' derivatives by b.
    """

    shares: tuple[float, ...]  # (p,) n u^2 / sum (x - mean)^2, see `LastPlaces`
    products: tuple[tuple[fmpq, ...], ...] | None = None  # (p, p) the form in units as sent; None: it is diagonal

    @classmethod
    def of(cls, chosen: Moments, places: LastPlaces, terms: Terms | None) -> Noise:
        """Args: chosen: the moments of the columns, the target last; places: theirs."""
        if terms is None or not terms.has_products or not any(places.rounding):
            return cls(places.rounding)
        return cls(places.rounding, _of_products(chosen, places.rounding, terms))

    @property
    def is_none(self) -> bool:
        return not any(self.shares)

    def select(self, kept: Sequence[int]) -> Noise:
        products = self.products and tuple(tuple(self.products[i][j] for j in kept) for i in kept)
        return Noise(tuple(self.shares[i] for i in kept), products)

    def form(self, equation: Centred) -> arb_mat:
        """(p, p) in the equation's integers, at the precision in force; of products only."""
        parts = [fmpq(1) / unit for unit in equation.units]
        rows = self.products or ()
        entries = [
            equation.scale * entry * part * other if entry != 0 else fmpq(0)
            for row, part in zip(rows, parts, strict=True)
            for entry, other in zip(row, parts, strict=True)
        ]
        return arb_mat(len(parts), len(parts), entries)

    def along(self, equation: Centred) -> Callable[[arb_mat], arb]:
        """The form of a combination, (1, p), in the equation's integers, at the precision in force."""
        if self.products is not None:
            form = self.form(equation)
            return lambda row: (row * form * row.transpose())[0, 0]
        squares = [(k, equation.gram[k, k] * arb(share)) for k, share in enumerate(self.shares) if share]
        return lambda row: sum((row[0, k] * row[0, k] * square for k, square in squares), arb(0))


def _of_products(chosen: Moments, rounding: Sequence[float], terms: Terms) -> tuple[tuple[fmpq, ...], ...] | None:
    """None if a derivative is not among the terms: then nobody knows its sums."""
    places, units, p = terms.places, [fmpq(1), *chosen.exact_units], len(terms.each)
    form = [[fmpq(0)] * p for _ in range(p)]
    for b in terms.bases:
        own = places[((b, 1),)]
        if not rounding[own - 1]:
            continue
        derivatives = terms.derivatives(b)
        if derivatives is None:
            return None
        u2 = chosen.sums[own, own] * units[own] ** 2 / chosen.total * fmpq(*(DOUBLE * DOUBLE).as_integer_ratio())
        factors = [u2 * one.exponent * units[one.lower] for one in derivatives]
        for one, factor in zip(derivatives, factors, strict=True):
            for other in derivatives:
                its_factor = other.exponent * units[other.lower]
                form[one.of][other.of] += factor * its_factor * chosen.sums[one.lower, other.lower]
    return tuple(map(tuple, form))
