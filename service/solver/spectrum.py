"""The eigenvectors of the exact A = X'X/n, weighted with the solution: what descent needs, good to double precision.

`acb_mat.eig` with error bounds fails on repeated eigenvalues, which every balanced design has, so its approximate form
is used and what it found is measured: with V^-1 from a ball solve, V diag(lambda) V^-1 must give back A. From the bits
to which it does (none, when the iteration stalls, as it can at some thousand bits) follows what each figure can have
lost, and the precision goes up until no loss would show in a double.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, log2

from flint import acb_mat, arb, arb_mat, fmpq

from service.solver.balls import precision
from service.solver.entries import principal
from service.solver.errors import Unresolved
from service.solver.normal import NormalEquation, separate

FIRST_BITS = 160  # enough for most designs
LAST_BITS = 1 << 16  # columns of 1e-150 beside 1e150 need some 4,000
KEPT_BITS = 56  # of a figure, left over after all that it can have lost
SAME_BITS = 100  # eigenvalues that agree to so many bits are one: no epoch below 2^30 tells them apart
GUARD_BITS = 8  # the constants in front of the perturbation bounds


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """One eigenvalue of A, not zero, and the projection of the least-squares solution onto its eigenvectors."""

    eigenvalue: arb
    amplitude: tuple[arb, ...]  # (m,), zero outside the block it came from
    bits: int  # to which the eigenvalue is known, beside the largest of its block


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    modes: tuple[Mode, ...]
    largest: arb  # the largest eigenvalue of A, 0 if A is 0
    bits: int  # at which the modes were computed


def spectrum(equation: NormalEquation, learning_rate: float | None, bits: int) -> Spectrum:
    """The modes of descent; those that grow at `learning_rate` are good to double precision each by itself.

    No block is computed at fewer than so many `bits`.

    Raises: Unresolved: 65,536 bits are not enough.
    """
    modes: list[Mode] = []
    largest, least_bits = arb(0), bits
    for rows in separate(equation.A):
        A = [[equation.A[i][j] for j in rows] for i in rows]
        b = [equation.b[i] for i in rows]
        rank = principal(equation.sums, rows).rank()
        if rank == 0:
            continue
        block = _block(A, b, rank, learning_rate, least_bits)
        for eigenvalue, amplitude in zip(block.eigenvalues, block.amplitudes, strict=True):
            if not all(a.is_zero() for a in amplitude):
                whole = [arb(0)] * equation.size
                for i, a in zip(rows, amplitude, strict=True):
                    whole[i] = a
                modes.append(Mode(eigenvalue, tuple(whole), block.known_bits))
        largest = max(largest, block.eigenvalues[0], key=_exact)
        bits = max(bits, block.bits)
    return Spectrum(tuple(modes), largest, bits)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    eigenvalues: list[arb]  # distinct, largest first, exact midpoints
    amplitudes: list[list[arb]]  # one for each, exact midpoints
    known_bits: int
    bits: int


def _block(A: list[list[fmpq]], b: list[fmpq], rank: int, learning_rate: float | None, bits: int) -> _Block:
    while bits <= LAST_BITS:
        with precision(bits):
            found = _eigen(A, b, rank, bits)
            if found is not None and _settled(found, A, learning_rate):
                return found
        bits *= 2
    raise Unresolved(LAST_BITS)


def _eigen(A: list[list[fmpq]], b: list[fmpq], rank: int, bits: int) -> _Block | None:
    """The block's modes at the working precision; None if that is plainly not enough."""
    p = len(b)
    matrix = arb_mat([[arb(a) for a in row] for row in A])
    values, vectors = acb_mat(matrix).eig(right=True, algorithm="approx")
    values = [value.real.mid() for value in values]
    order = sorted(range(p), key=lambda j: _exact(values[j]), reverse=True)
    V = arb_mat([[vectors[i, j].real.mid() for j in order] for i in range(p)])
    # The rank is exact, so the smallest eigenvalues are known to be zero: descent from zero never moves along these.
    eigenvalues = [values[j] if k < rank else arb(0) for k, j in enumerate(order)]
    if not eigenvalues[rank - 1] > 0:
        return None
    try:
        inverse = V.inv()
    except ZeroDivisionError:
        return None
    scaled = arb_mat([[V[i, j] * eigenvalues[j] for j in range(p)] for i in range(p)])
    lost = max((_log2_upper(e) for e in (scaled * inverse - matrix).entries()), default=-inf)
    known_bits = int(min(bits, _log2(eigenvalues[0]) - lost))
    projections = inverse * arb_mat([[arb(v)] for v in b])
    weights = [projections[j, 0] / eigenvalues[j] for j in range(rank)]
    groups = _groups(eigenvalues[:rank])
    amplitudes = [[sum((V[i, j] * weights[j] for j in group), arb(0)).mid() for i in range(p)] for group in groups]
    return _Block([eigenvalues[group[0]] for group in groups], amplitudes, known_bits, bits)


def _groups(eigenvalues: Sequence[arb]) -> list[list[int]]:
    """Runs of equal eigenvalues: eigenvectors inside one need not be orthogonal, so only their sum means anything."""
    groups = [[0]]
    for j in range(1, len(eigenvalues)):
        first = eigenvalues[groups[-1][0]]
        if _log2(first - eigenvalues[j]) <= _log2(first) - SAME_BITS:
            groups[-1].append(j)
        else:
            groups.append([j])
    return groups


def _settled(block: _Block, A: list[list[fmpq]], learning_rate: float | None) -> bool:
    """Whether every figure is good; sets to zero, in place, what is proven too small to be anything but noise.

    A perturbation R of A moves theta_k by some sum over i, j of v_i (v_i' R v_j) f[l_i, l_j] l_j c_j with
    |f[l_i, l_j]| <= 1 / (l_i l_j), so by |R| / l_min |c|: hence the condition number. A mode that grows, or in the loss
    one that outlives the others, stands alone in the end, and moves by |R| |c| / min(its eigenvalue, its gap).
    """
    p = len(A)
    values = block.eigenvalues
    top = _log2(values[0])
    condition = top - _log2(values[-1])
    gaps = [_log2(a - b) for a, b in pairwise(values)]
    if gaps and block.known_bits < top - min(gaps) + KEPT_BITS + GUARD_BITS:
        return False
    sizes = [[_log2(a) for a in amplitude] for amplitude in block.amplitudes]
    noise = max(map(max, sizes)) - block.known_bits + log2(p) + GUARD_BITS
    if noise == -inf:
        return block.known_bits >= condition + KEPT_BITS
    diagonal = [_log2(arb(A[i][i])) for i in range(p)]
    # Beyond this, what still drowns in the noise is zero and not small: scales and condition cannot make it so small.
    proof = block.known_bits >= condition + max(diagonal) - min(diagonal) + 180
    for i in range(p):
        row = max(size[i] for size in sizes)
        if row < noise + condition + KEPT_BITS:
            if not proof or row > noise + condition:
                return False
            for amplitude in block.amplitudes:
                amplitude[i] = arb(0)
    for g, value in enumerate(values):
        alone = noise + top - min([*gaps[max(g - 1, 0) : g + 1], _log2(value)])
        grows = learning_rate is not None and value * learning_rate > 2
        left = [i for i in range(p) if not block.amplitudes[g][i].is_zero()]
        # Each component of a mode that grows outlives the others; of one that does not, the loss needs the length.
        for rows in [[i] for i in left] if grows or not left else [left]:
            size = max(sizes[g][i] for i in rows)
            if size >= alone + KEPT_BITS:
                continue
            if not proof or size > alone:
                return False
            for i in rows:
                block.amplitudes[g][i] = arb(0)
    return True


def _exact(x: arb) -> fmpq:
    """The midpoint, which compares."""
    return x.mid().fmpq()


def _log2(x: arb) -> float:
    """log2 of the size of the midpoint, to within a bit; -inf for 0. Its range is not that of a double."""
    mantissa, exponent = x.mid().man_exp()
    return float(int(exponent) + int(mantissa).bit_length()) if mantissa != 0 else -inf


def _log2_upper(x: arb) -> float:
    return _log2(x.abs_upper())
