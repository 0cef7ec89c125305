"""The inverse of a positive definite matrix of integers, in balls: for many columns by refining that of doubles.

X0, the inverse C of A in doubles, is refined to X = X0 + X0 E + ... with E = I - A X held exactly. Since C = X + C E, the
size of E proves how near X is. 400 columns take a quarter of the time of a LU in balls.

Source: Rump, Verification methods: rigorous results using floating-point arithmetic (2010), section 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx, fmpz_mat
from numpy.typing import NDArray

from service.solver.residual import Residual

Floats = NDArray[np.float64]

_FEW = 50  # up to here a LU takes less time
# What a LU of a well-conditioned matrix has and no figure needs. With 64, a fit of noise was sometimes left undecided.
_SPARE_BITS = 32
_MOST_BITS = 800  # beyond it doubles cannot hold how small E is
_MOST_SPREAD = 50  # bits between the sizes of columns: as much less is what doubles can hold of C
_LEAST_GAIN = 2.0**-18  # a round that gains less costs more than the LU
_ROOM_BITS = 48  # of A below the target: 8, and as many as C can have before the point at that gain
_ULP = 2.0**-52
_UPWARDS = 1 + 2.0**-30  # covers the rounding of a few thousand sums of positive doubles


def inverse(gram: fmpz_mat) -> arb_mat:
    """Balls that hold each entry of gram^-1, (p, p), at the precision in force; `gram` symmetric, positive definite.

    Raises: ZeroDivisionError: balls cannot tell the matrix from a singular one.
    """
    if gram.nrows() > _FEW and ctx.prec <= _MOST_BITS:
        exponents = [(gram[i, i].bit_length() + 3) // 2 for i in range(gram.nrows())]
        if max(exponents) - min(exponents) <= _MOST_SPREAD:
            found = _refined(gram, exponents, ctx.prec - _SPARE_BITS)
            if found is not None:
                return _balls(found, exponents)
    return arb_mat(gram).inv()


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """C[i, j] is the sum of the parts, at most rows[i] * columns[j] off."""

    parts: list[Floats]  # (p, p)
    rows: Floats
    columns: Floats


def _refined(gram: fmpz_mat, exponents: list[int], target: int) -> _Near | None:
    """The inverse of gram scaled by `exponents`, each row to 2**-target of its size; None if doubles are too far off."""
    p = gram.nrows()
    residual = Residual(gram, exponents, target + _ROOM_BITS)
    try:
        start = residual.add(np.linalg.inv(residual.matrix()).astype(np.float64, copy=False))
    except np.linalg.LinAlgError:
        return None
    if start is None:
        return None
    error = residual.floats()
    # What cutting A off makes of A X, column by column, for this X and all after it.
    lacking = residual.last_place * _UPWARDS * 2 * np.abs(start).sum(axis=0)
    contraction = float((np.abs(error) + residual.cut + lacking).sum(axis=1).max()) * _UPWARDS
    if not contraction <= _LEAST_GAIN:
        return None
    rows = np.abs(start).sum(axis=1) * _UPWARDS / (1 - contraction)  # sizes of the rows of C
    parts = [start]
    while True:
        # C - X - step = (C - X0) E and what rounding did to step = X0 E
        off = (residual.cut + lacking) * _UPWARDS
        near = np.abs(error).max(axis=0) * (contraction + (p + 99) * _ULP) * _UPWARDS + off
        step = start @ error
        if near.max() <= 2.0**-target:
            return _Near([*parts, step], rows, near)
        added = residual.add(step)
        if added is None:
            return None
        parts.append(added)
        error = residual.floats()


def _balls(near: _Near, exponents: list[int]) -> arb_mat:
    """In the scale of gram; by matrices of balls alone, for a million single ones take more time and memory."""
    p, largest = len(exponents), max(exponents)
    room = largest - np.array(exponents)
    scale = room[:, None] + room
    total = arb_mat(p, p)
    for part in near.parts:
        total += arb_mat(p, p, np.ldexp(part, scale).ravel().tolist())
    rows = arb_mat(p, 1, np.ldexp(near.rows, room).tolist())
    columns = arb_mat(1, p, [arb(0, radius) for radius in np.ldexp(near.columns, room).tolist()])
    return (total + rows * columns) * arb(2) ** (-2 * largest)
