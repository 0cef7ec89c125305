"""Whether a symmetric matrix of integers is positive semidefinite, decided exactly, and its rank.

A Cholesky factor in doubles proves most matrices definite, with a margin for all its rounding. The others are brought
nearer the identity by A -> R'AR with R rounded from the eigenvectors in doubles: as R is integers the product is exact, a
congruence changes no sign, and a negative diagonal is a proof of the contrary.

The rank of many columns is that modulo three primes drawn anew each time: it is too low only if all three divide every
larger minor. At most 2**16 of the 2**55 primes drawn from do, so nobody meets that (below 2**-110), nor can prepare for it.
The exact rank of 400 columns over 200 rows would take 20 s.

Source: Rump, Verification of positive definiteness (2006), for the margin.
"""

import math
import secrets
from collections.abc import Sequence

import numpy as np
from flint import fmpz, fmpz_mat, nmod_mat
from numpy.typing import NDArray

from service.solver.entries import principal
from service.solver.errors import Unresolved
from service.solver.normal import independent

Floats = NDArray[np.float64]

_FEW = 12  # up to here elimination in integers takes less time
_ROUNDS = 24  # 13 for the powers up to 25 of 60 numbers near 1e6
_GAIN = 50  # bits of the condition number a round
_MARGIN = 4 * 2.0**-53  # four times what the source has, for a BLAS that multiplies by reciprocals
_LEAST = 2.0**-50  # of the largest eigenvalue: what is smaller is rounding
_BITS = 53  # of the entries of R
_EXACTLY = 64  # columns: beyond, ranks are modulo primes, and elimination in integers would take hours
_PRIMES = 3
_BLOCK = 250  # rows and columns a product: FLINT holds the interpreter's lock while it multiplies


def rank_if_semidefinite(gram: fmpz_mat) -> int | None:
    """The rank of a symmetric matrix if it is positive semidefinite, else None.

    Raises: Unresolved: many columns, so nearly dependent that no data comes near it.
    """
    diagonal = [gram[i, i] for i in range(gram.nrows())]
    if any(entry < 0 for entry in diagonal):
        return None
    kept = [i for i, entry in enumerate(diagonal) if entry > 0]
    if len(kept) < len(diagonal):
        if any(gram[i, j] != 0 for i, entry in enumerate(diagonal) if entry == 0 for j in range(len(diagonal))):
            return None
        gram = principal(gram, kept)
    if not kept:
        return 0
    scaled = _scaled(gram)
    if scaled is None:
        return None
    if _proven(scaled[0]):
        return len(kept)
    # A matrix of rank r whose submatrix of r independent columns has an inverse is congruent to that and zeros.
    pivots = independent(gram) if gram.nrows() <= _EXACTLY else max((_pivots(gram) for _ in range(_PRIMES)), key=len)
    core = gram if len(pivots) == len(kept) else principal(gram, pivots)
    return len(pivots) if _is_definite(core) else None


def _pivots(gram: fmpz_mat) -> tuple[int, ...]:
    """The first columns that span all others modulo a random prime; there, and so exactly, they are independent."""
    prime = fmpz(0)
    while not prime.is_prime():
        prime = fmpz(1 << 61 | secrets.randbits(61) | 1)
    reduced, rank = nmod_mat(gram, int(prime)).rref()
    found, j = [], 0
    for i in range(rank):
        while int(reduced[i, j]) == 0:
            j += 1
        found.append(j)
    return tuple(found)


def _is_definite(gram: fmpz_mat) -> bool:
    """Whether a symmetric matrix that has an inverse is positive definite. Raises: Unresolved."""
    if gram.nrows() > _FEW:
        for _ in range(_ROUNDS):
            scaled = _scaled(gram)
            if scaled is None:
                return False
            if _proven(scaled[0]):
                return True
            gram = _congruent(gram, *scaled)
        if gram.nrows() > _EXACTLY:
            raise Unresolved(_ROUNDS * _GAIN)
    return _has_positive_pivots(gram)


def _scaled(gram: fmpz_mat) -> tuple[Floats, list[int]] | None:
    """gram[i, j] / 2**(e[i] + e[j]) in doubles, a diagonal of 1/4 to 1, and e; None if that shows it is not definite."""
    side = gram.nrows()
    exponents = [(gram[i, i].bit_length() + 1) // 2 for i in range(side)]
    scaled = np.empty((side, side))
    for i in range(side):
        if gram[i, i] <= 0:
            return None
        for j in range(i, side):
            entry, exponent = gram[i, j], exponents[i] + exponents[j]
            bits = entry.bit_length()
            if bits > exponent and i != j:  # the square of the entry is larger than the product of the diagonal's two
                return None
            cut = max(0, bits - 60)
            scaled[i, j] = scaled[j, i] = math.ldexp(float(int(entry >> cut)), cut - exponent)
    return scaled, exponents


def _proven(scaled: Floats) -> bool:
    """Whether doubles prove it: what is factored is smaller than the matrix by more than all rounding can come to."""
    side = len(scaled)
    margin = _MARGIN * (side + 4) * (float(np.trace(scaled)) + 1)
    try:
        np.linalg.cholesky(scaled - margin * np.eye(side))
    except np.linalg.LinAlgError:
        return False
    return True


def _congruent(gram: fmpz_mat, scaled: Floats, exponents: Sequence[int]) -> fmpz_mat:
    """R' gram R, near the identity but for a common factor where doubles can tell."""
    values, vectors = np.linalg.eigh(scaled)
    size = np.abs(values)
    R = vectors / np.sqrt(np.maximum(size, _LEAST * size.max()))
    R = np.rint(np.ldexp(R, _BITS - math.frexp(float(np.abs(R).max()))[1]))
    side, top = len(R), max(exponents)
    rows = [[fmpz(int(value)) << top - exponent for value in row] for row, exponent in zip(R, exponents, strict=True)]
    right = fmpz_mat(rows)
    return _product(right.transpose(), _product(gram, right)) if side else gram


def _product(left: fmpz_mat, right: fmpz_mat) -> fmpz_mat:
    """The product of two square matrices, block by block."""
    side = left.nrows()
    cuts = [range(start, min(start + _BLOCK, side)) for start in range(0, side, _BLOCK)]
    product = fmpz_mat(side, side)
    down = [fmpz_mat([[right[k, j] for j in columns] for k in range(side)]) for columns in cuts]
    for rows in cuts:
        across = fmpz_mat([[left[i, k] for k in range(side)] for i in rows])
        for columns, strip in zip(cuts, down, strict=True):
            block = across * strip
            for i, row in enumerate(rows):
                for j, column in enumerate(columns):
                    product[row, column] = block[i, j]
    return product


def _has_positive_pivots(gram: fmpz_mat) -> bool:
    """Elimination without fractions: the pivots are the leading minors (Bareiss)."""
    rows, before = gram.tolist(), fmpz(1)
    for k in range(len(rows)):
        pivot = rows[k][k]
        if pivot <= 0:
            return False
        for i in range(k + 1, len(rows)):
            factor = rows[i][k]
            for j in range(i, len(rows)):
                rows[i][j] = rows[j][i] = (pivot * rows[i][j] - factor * rows[k][j]) // before
        before = pivot
    return True
