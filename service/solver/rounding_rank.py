"""Columns that depend on others but for the rounding of doubles: a total that was computed from its parts."""

from __future__ import annotations

from collections.abc import Sequence

from service.solver.centred import Centred
from service.solver.correlation import Inverted
from service.solver.last_place import LastPlaces

# How many times what rounding leaves a column's residual on the others may be, and still be taken for it.
FACTOR = 64.0
_LARGEST = FACTOR * FACTOR / 12


def depends_to_rounding(inverted: Inverted, rounding: Sequence[float]) -> bool:
    """Whether the residual of a column on the others is no larger than what rounding of all of them might leave.

    With C = (X'X)^-1 and g_k = C_jk / C_jj, column j has 1 / C_jj left when the others are taken out, in the combination
    that g tells. Rounding would leave n/12 sum_k g_k^2 u_k^2. `rounding`: (p,), see `LastPlaces`.
    """
    if not any(rounding):
        return False
    inflation = inverted.inflation
    # As C_jk^2 <= C_jj C_kk, mostly the diagonal tells enough.
    bound = sum(own * share for own, share in zip(inflation, rounding, strict=True) if share)
    if bound * _LARGEST < 1:
        return False
    return any(
        row[j] <= _LARGEST * sum(entry * entry * share for entry, share in zip(row, rounding, strict=True) if share)
        for j, row in enumerate(inverted.inverse_correlation)
    )


def independent_to_rounding(equation: Centred, places: LastPlaces) -> list[int]:
    """The columns that are left when those are dropped that depend, to rounding, on columns before them.

    `equation` has full rank. Where a column is dropped is found by halving: it is the last of the first columns that depend
    on each other.
    """
    kept = list(range(equation.n_features))
    clean = 0  # so many of those kept are known not to depend on each other

    def depend(count: int) -> bool:
        first = kept[:count]
        inverted = Inverted.of(equation.select(first))
        return inverted is not None and depends_to_rounding(inverted, places.select(first).rounding)

    while depend(len(kept)):
        low, high = clean, len(kept)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if depend(middle) else (middle, high)
        del kept[high - 1]
        clean = high - 1
    return kept
