"""Symmetric matrices of integers, read and made: of many columns entry by entry.

FLINT holds the interpreter's lock for the whole of a call, and a matrix of 1,000 columns takes half a second to make of a
list. Entry by entry is no slower, as one triangle is half the work, and lets other threads have their turns.
"""

from collections.abc import Iterable, Iterator, Sequence

from flint import fmpz, fmpz_mat

AT_ONCE = 64  # columns: up to here one call is faster, and takes a few milliseconds
_FREED_AT_ONCE = 400  # columns: up to 50 ms, where memory is in many pieces; of 2,000 a second


class _Wide(fmpz_mat):
    """A matrix whose entries are freed one by one."""

    def __del__(self) -> None:
        nothing = fmpz(0)
        columns = range(self.ncols())
        for i in range(self.nrows()):
            for j in columns:
                self[i, j] = nothing


def zeros(side: int) -> fmpz_mat:
    """A square matrix to be filled."""
    return (fmpz_mat if side <= _FREED_AT_ONCE else _Wide)(side, side)


def upper_triangle(matrix: fmpz_mat) -> Iterator[list[fmpz]]:
    """Row by row, each from the diagonal on."""
    side = matrix.nrows()
    return ([matrix[i, j] for j in range(i, side)] for i in range(side))


def symmetric(triangle: Iterable[Iterable[fmpz]], side: int) -> fmpz_mat:
    """The matrix of an upper triangle, row by row."""
    matrix = zeros(side)
    for i, row in enumerate(triangle):
        for j, entry in enumerate(row, start=i):
            matrix[i, j] = matrix[j, i] = entry
    return matrix


def principal(matrix: fmpz_mat, kept: Sequence[int]) -> fmpz_mat:
    """The matrix of these rows and columns, in this order."""
    side = len(kept)
    if side <= AT_ONCE:
        return fmpz_mat(side, side, [matrix[i, j] for i in kept for j in kept])
    return symmetric(([matrix[i, j] for j in kept[at:]] for at, i in enumerate(kept)), side)
