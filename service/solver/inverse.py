"""The inverse of a positive definite matrix of integers, in balls: for many columns by refining that of doubles.

X0, the inverse C of A in doubles, is refined to X = X0 + X0 E + ... with E = I - A X held exactly: a round costs one
product of integers, and doubles do the rest. Since C = X + C E, the size of E proves how near X is. 400 columns take a
third of the time of a LU in balls, 1000 a quarter.

Source: Rump, Verification methods: rigorous results using floating-point arithmetic (2010), section 10.
"""

from __future__ import annotations

import math

import numpy as np
from flint import arb, arb_mat, ctx, fmpz, fmpz_mat
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEW = 50  # up to here a LU takes less time
# What a LU of a well-conditioned matrix has and no figure needs: 128 bits of 192 round a hi + lo pair of doubles.
_SPARE_BITS = 64
_MOST_BITS = 800  # beyond it doubles cannot hold how small E is
_LEAST_GAIN = 2.0**-18  # a round that gains less costs more than the LU
_STEP_BITS = 60  # of a step as integers: all that int64 holds
_LARGEST = 1020  # bits that a double holds
_ULP = 2.0**-52
_UPWARDS = 1 + 2.0**-30  # covers the rounding of a few thousand sums of positive doubles


def inverse(gram: fmpz_mat) -> arb_mat:
    """Balls that hold each entry of gram^-1, (p, p), at the precision in force; `gram` symmetric, positive definite.

    Raises: ZeroDivisionError: balls cannot tell the matrix from a singular one.
    """
    refined = _refined(gram, ctx.prec - _SPARE_BITS) if gram.nrows() > _FEW and ctx.prec <= _MOST_BITS else None
    return arb_mat(gram).inv() if refined is None else refined


def _refined(gram: fmpz_mat, target: int) -> arb_mat | None:
    """gram^-1 to 2**-target of the size of each row; None if the inverse of doubles is too far off to start from."""
    p = gram.nrows()
    if any(gram[i, i] <= 0 for i in range(p)):
        return None
    exponents = [(gram[i, i].bit_length() + 1) // 2 for i in range(p)]
    start = _start(gram, exponents)
    if start is None:
        return None
    unit = _unit(start)
    # So many that what cutting A to them moves in C is below the target.
    bits = target + 2 * (p.bit_length() + _STEP_BITS - unit) + 8
    A = _scaled(gram, exponents, bits)
    X = _integers(start, unit)
    E = A * -X
    for i in range(p):
        E[i, i] += fmpz(1) << bits + unit
    # A lacks less than a unit in each entry: what that makes of A X, column by column.
    lacking = 2.0**-bits * _UPWARDS * (1 + 2 * np.abs(start).sum(axis=0))
    error, cut = _floats(E, bits + unit)
    contraction = float((np.abs(error) + cut + lacking).sum(axis=1).max()) * _UPWARDS
    if not contraction <= _LEAST_GAIN:
        return None
    rows = np.abs(start).sum(axis=1) * _UPWARDS / (1 - contraction)  # sizes of the rows of C
    while True:
        # C - X - step = (C - X0) E and what rounding did to step = X0 E
        near = (np.abs(error).max(axis=0) + cut) * (contraction + (p + 8) * _ULP) + (cut + lacking) * _UPWARDS
        step = start @ error
        finer = max(unit, _unit(step))
        grown, added = fmpz(1) << finer - unit, _integers(step, finer)
        X, unit = X * grown + added, finer
        if near.max() <= 2.0**-target:
            return _balls(X, unit, np.outer(rows, near + 2.0**-unit), exponents)
        E = E * grown - A * added
        error, cut = _floats(E, bits + unit)


def _scaled(gram: fmpz_mat, exponents: list[int], bits: int) -> fmpz_mat:
    """gram[i, j] / 2**(exponents[i] + exponents[j]), a diagonal of 1/4 to 1, in units of 2**-bits, cut off."""
    entries, scaled = iter(gram.entries()), list[fmpz]()
    for row in exponents:
        for column in exponents:
            entry, shift = next(entries), bits - row - column
            scaled.append(entry << shift if shift >= 0 else entry >> -shift)
    return fmpz_mat(len(exponents), len(exponents), scaled)


def _start(gram: fmpz_mat, exponents: list[int]) -> Floats | None:
    """The inverse in doubles of the scaled matrix, cut to what `_integers` takes of it, so that both are the same."""
    if 2 * max(exponents) > _LARGEST:
        return None
    p, places = len(exponents), np.array(exponents)
    gram_floats: Floats = np.array([float(entry) for entry in gram.entries()]).reshape(p, p)
    try:
        start: Floats = np.linalg.inv(np.ldexp(gram_floats, -places[:, None] - places))
    except np.linalg.LinAlgError:
        return None
    if not np.abs(start).max() < 1 / _ULP:
        return None
    unit = _unit(start)
    cut: Floats = np.ldexp(np.rint(np.ldexp(start, unit)), -unit)
    return cut


def _unit(step: Floats) -> int:
    """The places after the point at which the largest entry has as many bits as an integer step."""
    return _STEP_BITS - math.frexp(float(np.abs(step).max()))[1]


def _integers(step: Floats, unit: int) -> fmpz_mat:
    entries: list[int] = np.rint(np.ldexp(step, unit)).astype(np.int64).ravel().tolist()
    return fmpz_mat(len(step), len(step), entries)


def _floats(matrix: fmpz_mat, bits: int) -> tuple[Floats, float]:
    """The matrix times 2**-bits in doubles, and the most by which cutting entries off has moved one of them."""
    entries = matrix.entries()
    shift = max(0, max(max(entries).bit_length(), min(entries).bit_length()) - _STEP_BITS)
    short: Floats = np.array([float(entry >> shift) for entry in entries]).reshape(matrix.nrows(), matrix.ncols())
    floats: Floats = np.ldexp(short, shift - bits)
    return floats, math.ldexp(1.0, shift - bits)


def _balls(X: fmpz_mat, unit: int, radii: Floats, exponents: list[int]) -> arb_mat:
    """Balls around X in units of 2**-unit, in the scale of gram; of the two that hold a pair of equal entries, one."""
    factors = {k: arb(2) ** (-k - unit) for k in {row + column for row in set(exponents) for column in set(exponents)}}
    table: list[list[arb]] = []
    whole = np.ldexp(radii * _UPWARDS, unit).tolist()
    for i, (entries, radius) in enumerate(zip(X.tolist(), whole, strict=True)):
        own = [arb(entries[j], radius[j]) * factors[exponents[i] + exponents[j]] for j in range(i + 1)]
        for above, ball in zip(table, own, strict=False):
            above.append(ball)
        table.append(own)
    return arb_mat(table)
