"""Columns that depend on others but for the rounding of doubles: a total that was computed from its parts."""

from __future__ import annotations

from flint import arb, arb_mat

from service.solver.balls import precision
from service.solver.centred import Centred
from service.solver.correlation import Inverted
from service.solver.inverse import inverse
from service.solver.noise import Noise

# How many times what rounding leaves a column's residual on the others may be, and still be taken for it.
FACTOR = 64.0
_LARGEST = FACTOR * FACTOR / 12


def dependent_to_rounding(inverted: Inverted, noise: Noise) -> list[int]:
    """The columns whose residual on the others is no larger than what rounding of all of them might leave, in order.

    With C = (X'X)^-1 and g_k = C_jk / C_jj, column j has 1 / C_jj left when the others are taken out, in the combination
    that g tells. Rounding would leave n/12 sum_k g_k^2 u_k^2, or g'Ng / 12 of terms that are products.
    """
    if noise.is_none:
        return []
    if noise.products is not None:
        return _dependent_products(inverted, noise)
    # As C_jk^2 <= C_jj C_kk, mostly the diagonal tells enough.
    bound = sum([own * share for own, share in zip(inverted.inflation, noise.shares, strict=True) if share])
    if bound * _LARGEST < 1:
        return []
    shares = [(k, share) for k, share in enumerate(noise.shares) if share]
    return [
        j
        for j, row in enumerate(inverted.inverse_correlation)
        if row[j] <= _LARGEST * sum([row[k] * row[k] * share for k, share in shares])
    ]


def _dependent_products(inverted: Inverted, noise: Noise) -> list[int]:
    """In balls: far from 0 what x, x^2, ... are moved by together is far less than what each is."""
    equation, bits = inverted.equation, inverted.bits
    p = equation.n_features
    while True:
        with precision(bits):
            try:
                C = inverted.balls if bits == inverted.bits else inverse(equation.gram)
                moved = C * noise.form(equation)
                left = [_LARGEST * sum((moved[j, k] * C[k, j] for k in range(p)), arb(0)) - C[j, j] for j in range(p)]
            except ZeroDivisionError:
                left = [arb(0, 1)]
        if not any(value.contains(0) for value in left):
            return [j for j, value in enumerate(left) if value > 0]
        bits *= 2


def independent_to_rounding(inverted: Inverted, noise: Noise) -> tuple[list[int], Inverted]:
    """The columns that are left when those are dropped that depend, to rounding, on columns before them; and their inverse."""
    whole = inverted.equation
    kept = list(range(whole.n_features))
    while dependent := dependent_to_rounding(inverted, noise.select(kept)):
        left = _first_independent(inverted.equation, noise.select(kept), 2 * inverted.bits)
        # With one more column less is left of a column before: all may depend where none does on those before it.
        kept = [kept[i] for i in left if len(left) < len(kept) or i != dependent[-1]]
        inverted = Inverted.of_independent(whole.select(kept))
    return kept, inverted


def _first_independent(equation: Centred, noise: Noise, bits: int) -> list[int]:
    """The columns, one after the other, of which more is left than rounding once those kept before are taken out.

    By Gram and Schmidt on the Gram matrix. The columns that a kept one depends on say nothing of those that do not: the
    inverse of all would accuse these too, for they agree with the noise of a relation by chance.
    """
    p = equation.n_features
    with precision(bits):
        gram, along = arb_mat(equation.gram), noise.along(equation)
        # Rows: kept columns less their parts in those before; those of the others are 0.
        orthogonal, squares = arb_mat(p, p), [arb(1)] * p
        kept: list[int] = []
        for j in range(p):
            products = orthogonal * arb_mat(p, 1, [gram[i, j] for i in range(p)])
            parts = [products[i, 0] / squares[i] for i in range(p)]
            left = gram[j, j] - sum((products[i, 0] * parts[i] for i in kept), arb(0))
            rest = arb_mat(1, p, parts) * orthogonal * -1
            rest[0, j] = 1
            surplus = left - _LARGEST * along(rest)
            if not left > 0 or surplus.contains(0):
                break
            if surplus > 0:
                for i in (*kept, j):
                    orthogonal[j, i] = rest[0, i]
                squares[j] = left
                kept.append(j)
        else:
            return kept
    return _first_independent(equation, noise, 2 * bits)
