"""The normal equation of the mean of squares, in exact rationals: A theta = b, A = X'X/n, b = X'y/n."""

from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq, fmpz_mat, nmod_mat

from service.solver.entries import principal
from service.solver.errors import NoFeatures, TooFewRows
from service.solver.moments import Moments
from service.solver.units import BASE

# Primes just under a machine word: the pivots modulo one of them are the pivots unless it divides a minor.
_PRIMES = (2**61 - 1, 2**62 - 57, 2**63 - 25)


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquation:
    """A theta = b, whose solutions have the least loss; the intercept's row is first when it is fitted."""

    A: tuple[tuple[fmpq, ...], ...]  # (m, m), m = p + fit_intercept
    b: tuple[fmpq, ...]  # (m,)
    mean_square: fmpq  # y'y/n: the loss at theta = 0
    sums: fmpz_mat  # (m + 1, m + 1): the integers under A and b, the target last; ranks are theirs

    @property
    def size(self) -> int:
        return len(self.b)

    def without_target(self) -> fmpz_mat:
        """The integers under A alone."""
        return principal(self.sums, range(self.size))


def normal_equation(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> NormalEquation:
    """The normal equation of `target` on `features`.

    Raises: NoFeatures: there is no column at all. TooFewRows: there is no row at all.
    """
    if not features and not fit_intercept:
        raise NoFeatures
    if moments.n_samples == 0:
        raise TooFewRows(0, len(features) + fit_intercept)
    chosen = moments.select((*features, target))
    first = 0 if fit_intercept else 1
    size = 1 + len(chosen.columns)
    base = fmpq(BASE[chosen.numbers])
    scale = [base**-unit for unit in (0, *chosen.units)]
    n = chosen.total
    sums = principal(chosen.sums, range(first, size))
    scale = scale[first:]
    size -= first
    mean = [[sums[i, j] * scale[i] * scale[j] / n for j in range(size)] for i in range(size)]
    return NormalEquation(
        A=tuple(tuple(row[:-1]) for row in mean[:-1]),
        b=tuple(row[-1] for row in mean[:-1]),
        mean_square=mean[-1][-1],
        sums=sums,
    )


def independent(gram: fmpz_mat) -> tuple[int, ...]:
    """The first columns of a Gram matrix that span all of it; the submatrix of these has an inverse.

    Found modulo a prime, where the rank can only fall: if it is the exact rank, so are the pivots.
    """
    rank = gram.rank()
    if rank == gram.nrows():
        return tuple(range(rank))
    for prime in _PRIMES:
        reduced, found = nmod_mat(gram, prime).rref()
        if found == rank:
            return tuple(next(j for j in range(gram.ncols()) if int(reduced[i, j]) != 0) for i in range(rank))
    raise ArithmeticError("three primes divide the minors of one matrix")


def separate(A: Sequence[Sequence[fmpq]]) -> list[list[int]]:
    """Indices of the diagonal blocks that exact zeros cut A into: descent in one never hears of another."""
    left = set(range(len(A)))
    blocks = []
    while left:
        block, front = [], [min(left)]
        left.discard(front[0])
        while front:
            i = front.pop()
            block.append(i)
            near = {j for j in left if A[i][j] != 0}
            left -= near
            front.extend(near)
        blocks.append(sorted(block))
    return blocks
