"""Columns that depend on others but for the rounding of doubles: a total that was computed from its parts."""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, arb_mat

from service.solver.balls import precision
from service.solver.centred import Centred
from service.solver.correlation import Inverted
from service.solver.last_place import LastPlaces

# How many times what rounding leaves a column's residual on the others may be, and still be taken for it.
FACTOR = 64.0
_LARGEST = FACTOR * FACTOR / 12


def dependent_to_rounding(inverted: Inverted, rounding: Sequence[float]) -> list[int]:
    """The columns whose residual on the others is no larger than what rounding of all of them might leave, in order.

    With C = (X'X)^-1 and g_k = C_jk / C_jj, column j has 1 / C_jj left when the others are taken out, in the combination
    that g tells. Rounding would leave n/12 sum_k g_k^2 u_k^2. `rounding`: (p,), see `LastPlaces`.
    """
    if not any(rounding):
        return []
    # As C_jk^2 <= C_jj C_kk, mostly the diagonal tells enough.
    bound = sum(own * share for own, share in zip(inverted.inflation, rounding, strict=True) if share)
    if bound * _LARGEST < 1:
        return []
    shares = [(k, share) for k, share in enumerate(rounding) if share]
    return [
        j
        for j, row in enumerate(inverted.inverse_correlation)
        if row[j] <= _LARGEST * sum([row[k] * row[k] * share for k, share in shares])
    ]


def independent_to_rounding(inverted: Inverted, places: LastPlaces) -> tuple[list[int], Inverted]:
    """The columns that are left when those are dropped that depend, to rounding, on columns before them; and their inverse."""
    whole = inverted.equation
    kept = list(range(whole.n_features))
    while dependent := dependent_to_rounding(inverted, places.select(kept).rounding):
        left = _first_independent(inverted.equation, places.select(kept).rounding, 2 * inverted.bits)
        # With one more column less is left of a column before: all may depend where none does on those before it.
        kept = [kept[i] for i in left if len(left) < len(kept) or i != dependent[-1]]
        inverted = Inverted.of_independent(whole.select(kept))
    return kept, inverted


def _first_independent(equation: Centred, rounding: Sequence[float], bits: int) -> list[int]:
    """The columns, one after the other, of which more is left than rounding once those kept before are taken out.

    By Gram and Schmidt on the Gram matrix. The columns that a kept one depends on say nothing of those that do not: the
    inverse of all would accuse these too, for they agree with the noise of a relation by chance.
    """
    p = equation.n_features
    with precision(bits):
        gram = arb_mat(equation.gram)
        orthogonal, squares = (
            arb_mat(p, p),
            [arb(1)] * p,
        )  # kept columns less their parts in those before; rows of the others 0
        kept: list[int] = []
        for j in range(p):
            along = orthogonal * arb_mat(p, 1, [gram[i, j] for i in range(p)])
            parts = [along[i, 0] / squares[i] for i in range(p)]
            left = gram[j, j] - sum((along[i, 0] * parts[i] for i in kept), arb(0))
            if not left > 0:
                break
            weights = arb_mat(1, p, parts) * orthogonal
            noise = gram[j, j] * rounding[j] + sum(
                (weights[0, i] * weights[0, i] * gram[i, i] * rounding[i] for i in kept), arb(0)
            )
            if float(left / gram[j, j]) <= _LARGEST * float(noise / gram[j, j]):
                continue
            for i in kept:
                orthogonal[j, i] = -weights[0, i]
            orthogonal[j, j], squares[j] = 1, left
            kept.append(j)
        else:
            return kept
    return _first_independent(equation, rounding, 2 * bits)
