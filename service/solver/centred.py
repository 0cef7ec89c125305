"""The normal equation of a fit in centred cross products: exact integers, so that nothing has cancelled yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq, fmpz, fmpz_mat

from service.solver.moments import Moments
from service.solver.units import BASE

# Columns whose sizes differ by more bits than this are brought to one size before a ball solve (see `balanced`).
_SPREAD_BITS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """X'X, X'y and y'y in integers: of the columns about their means, times n, or as they are without an intercept.

    With K = `scale` (n, or 1): K sum (x_i - mean_i)(x_j - mean_j) = gram[i, j] units[i] units[j].
    """

    n_samples: int
    scale: int
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

    @property
    def df_resid(self) -> int:
        return self.n_samples - self.n_features - self.fit_intercept

    def balanced(self) -> Centred:
        """Bring the columns to about one size, by powers of 2 taken out of their units.

        Ball arithmetic bounds rounding by the largest entries: ten columns of 1e-5 to 1e5 lose 60 bits to it otherwise.
        """
        sizes = [self.gram[i, i].bit_length() // 2 for i in range(self.n_features)]
        if not sizes or max(sizes) - min(sizes) <= _SPREAD_BITS:
            return self
        factors = [fmpz(1) << (max(sizes) - size) for size in sizes]
        gram = [
            [entry * left * right for entry, right in zip(row, factors, strict=True)]
            for row, left in zip(self.gram.tolist(), factors, strict=True)
        ]
        right = [[entry * factor for entry in row] for row, factor in zip(self.right.tolist(), factors, strict=True)]
        units = tuple(unit / factor for unit, factor in zip(self.units, factors, strict=True))
        return Centred(
            self.n_samples, self.scale, fmpz_mat(gram), fmpz_mat(right),
            self.target_square, self.target_sum, units, self.target_unit,
        )  # fmt: skip


def centred(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> Centred:
    """Centre the cross products of `target` and `features`.

    Raises: UnknownColumn: a name that is not among the moments' columns.
    """
    chosen = moments.select((*features, target))
    p, n = len(features), chosen.n_samples
    products = chosen.sums.tolist()
    totals = products[0][1:]
    rows = [row[1:] for row in products[1:]]
    if fit_intercept:
        rows = [[n * entry - own * other for entry, other in zip(row, totals, strict=True)]
                for row, own in zip(rows, totals, strict=True)]  # fmt: skip
    base = fmpz(BASE[chosen.numbers])
    units = [fmpq(1, base**unit) if unit >= 0 else fmpq(base**-unit) for unit in chosen.units]
    return Centred(
        n_samples=n,
        scale=n if fit_intercept else 1,
        gram=fmpz_mat(p, p, [entry for row in rows[:p] for entry in row[:p]]),
        right=fmpz_mat(p, 1 + fit_intercept, _right(rows, totals, p, fit_intercept)),
        target_square=rows[p][p],
        target_sum=totals[p],
        units=tuple(units[:p]),
        target_unit=units[p],
    )


def _right(rows: list[list[fmpz]], totals: list[fmpz], p: int, fit_intercept: bool) -> list[fmpz]:
    if not fit_intercept:
        return [row[p] for row in rows[:p]]
    return [entry for row, total in zip(rows[:p], totals[:p], strict=True) for entry in (row[p], total)]
