"""The inverse Cholesky factor: R lower triangular with R G R' = 1, so that z' G^-1 z = |R z|^2 cannot cancel."""

from __future__ import annotations

from flint import arb, arb_mat

_SMALL = 12  # up to here entry by entry takes less time than products of blocks

Rows = list[list[arb]]


def inverse_factor(gram: Rows) -> Rows:
    """R, row i having 1 + i entries, of balls that hold a positive definite (p, p), at the precision in force.

    By blocks, so that nearly all of the work is products of matrices: with G = [A B'; B C], S = C - L L' and L = B R_A',
    R = [R_A 0; -R_S L R_A  R_S].

    Raises: ZeroDivisionError: balls cannot tell the matrix from a singular one.
    """
    p = len(gram)
    if p <= _SMALL:
        return _by_entries(gram)
    half = p // 2
    upper = inverse_factor([row[:half] for row in gram[:half]])
    R_A = _square(upper)
    L = arb_mat([row[:half] for row in gram[half:]]) * R_A.transpose()
    rest = arb_mat([row[half:] for row in gram[half:]]) - L * L.transpose()
    lower = inverse_factor(rest.tolist())
    below = (-_square(lower) * (L * R_A)).tolist()
    return upper + [left + right for left, right in zip(below, lower, strict=True)]


def _square(rows: Rows) -> arb_mat:
    nothing = arb(0)
    return arb_mat([row + [nothing] * (len(rows) - len(row)) for row in rows])


def _by_entries(gram: Rows) -> Rows:
    """Orthogonalise the unit vectors in order: row i of R is e_i less its part in the rows before, scaled."""
    R: Rows = []
    for i, row in enumerate(gram):
        parts = [_dot(before, row) for before in R]
        square = row[i] - _dot(parts, parts)
        if not square > 0:
            raise ZeroDivisionError("singular, as far as balls can tell")
        scale = square.rsqrt()
        own = [-scale * _dot(parts[j:], [R[k][j] for k in range(j, i)]) for j in range(i)]
        R.append([*own, scale])
    return R


def _dot(a: list[arb], b: list[arb]) -> arb:
    """Of the entries that both have."""
    return sum((x * y for x, y in zip(a, b, strict=False)), arb(0))
