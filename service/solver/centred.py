"""The normal equation of a fit in centred cross products: exact integers, so that nothing has cancelled yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from flint import fmpq, fmpz, fmpz_mat

from service.solver.entries import principal, symmetric, upper_triangle
from service.solver.moments import Moments
from service.solver.units import BASE

# Columns whose sizes differ by more bits than this are brought to one size before a ball solve (see `balanced`).
_SPREAD_BITS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """X'X, X'y and y'y in integers: of the columns about their means, times the total weight, or as they are without an
    intercept.

    With K = `scale` (the total, or 1): K sum w (x_i - mean_i)(x_j - mean_j) = gram[i, j] units[i] units[j] weight_unit.
    Without weights w is 1, and the total is the number of rows.
    """

    n_samples: int
    total: fmpz  # of the weights, in their unit
    weight_unit: fmpq
    scale: fmpz
    gram: fmpz_mat  # (p, p)
    right: fmpz_mat  # (p, 2) X'y and the sums of the columns; (p, 1) X'y alone without an intercept
    target_square: fmpz
    target_sum: fmpz
    units: tuple[fmpq, ...]  # (p,)
    target_unit: fmpq

    @property
    def n_features(self) -> int:
        return len(self.units)

    @property
    def fit_intercept(self) -> bool:
        return self.right.ncols() == 2

    def select(self, kept: Sequence[int]) -> Centred:
        """The equation of some of the features."""
        if len(kept) == self.n_features:
            return self
        p, columns = len(kept), self.right.ncols()
        return replace(
            self,
            gram=principal(self.gram, kept),
            right=fmpz_mat(p, columns, [self.right[i, j] for i in kept for j in range(columns)]),
            units=tuple(self.units[i] for i in kept),
        )

    def balanced(self, diagonal: Sequence[fmpz] | None = None) -> Centred:
        """Bring the columns to about one size, by powers of 2 taken out of their units.

        Ball arithmetic bounds rounding by the largest entries: ten columns of 1e-5 to 1e5 lose 60 bits to it otherwise.
        The sizes are those of the squares in `diagonal`, if they are not those of the columns.
        """
        if len(self.units) == 1:
            return self
        squares = diagonal or [self.gram[i, i] for i in range(self.n_features)]
        sizes = [square.bit_length() // 2 for square in squares]
        if not sizes or max(sizes) - min(sizes) <= _SPREAD_BITS:
            return self
        factors = [fmpz(1) << (max(sizes) - size) for size in sizes]
        gram = (
            [entry * factors[i] * right for entry, right in zip(row, factors[i:], strict=True)]
            for i, row in enumerate(upper_triangle(self.gram))
        )
        right = [[entry * factor for entry in row] for row, factor in zip(self.right.tolist(), factors, strict=True)]
        units = tuple(unit / factor for unit, factor in zip(self.units, factors, strict=True))
        return replace(self, gram=symmetric(gram, self.n_features), right=fmpz_mat(right), units=units)


def centred(chosen: Moments, fit_intercept: bool) -> Centred:
    """Centre the cross products of the features, and of the target, which is the last column of `chosen`."""
    p, total = len(chosen.columns) - 1, chosen.total
    (_, *totals), *rows = upper_triangle(chosen.sums)
    if fit_intercept:
        rows = [[total * entry - own * other for entry, other in zip(row, totals[i:], strict=True)]
                for i, (row, own) in enumerate(zip(rows, totals, strict=True))]  # fmt: skip
    products = [row.pop() for row in rows]  # with the target; its own square last
    gram = symmetric(rows[:p], p)
    base = BASE[chosen.numbers]
    units = [_power(base, -unit) for unit in chosen.units]
    return Centred(
        n_samples=chosen.n_samples,
        total=total,
        weight_unit=_power(base, -chosen.weight_unit),
        scale=total if fit_intercept else fmpz(1),
        gram=gram,
        right=fmpz_mat(p, 1 + fit_intercept, _right(products[:p], totals, fit_intercept)),
        target_square=products[p],
        target_sum=totals[p],
        units=tuple(units[:p]),
        target_unit=units[p],
    )


def scaled_units(equation: Centred, scales: Sequence[int]) -> Sequence[fmpq]:
    """The units of the columns by the units that coefficients times these scales count."""
    return [unit / scale for unit, scale in zip(equation.units, scales, strict=True)] if scales else equation.units


@lru_cache(4096)  # the exponents that doubles come to; a small fit asks for four, of 1 us each
def _power(base: int, exponent: int) -> fmpq:
    return fmpq(base) ** exponent


def _right(products: list[fmpz], totals: list[fmpz], fit_intercept: bool) -> list[fmpz]:
    if not fit_intercept:
        return products
    return [entry for product, total in zip(products, totals, strict=False) for entry in (product, total)]
