"""Semidefinite or not: whatever decides it, the answer is that of elimination in fractions."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver import semidefinite
from service.solver.errors import Unresolved
from service.solver.semidefinite import rank_if_semidefinite

Table = list[list[int]]


def by_elimination(matrix: Sequence[Sequence[int]]) -> int | None:
    """The rank if the matrix is positive semidefinite, by LDL' in fractions; a pivot of 0 must have a row of zeros."""
    table = [[Fraction(entry) for entry in row] for row in matrix]
    rank = 0
    for k in range(len(table)):
        pivot = table[k][k]
        if pivot < 0 or (pivot == 0 and any(table[k][k:])):
            return None
        if pivot == 0:
            continue
        rank += 1
        for i in range(k + 1, len(table)):
            factor = table[i][k] / pivot
            table[i] = [a - factor * b for a, b in zip(table[i], table[k], strict=True)]
    return rank


def gram(rows: NDArray[np.int64]) -> Table:
    """The sums of products of the columns."""
    exact = fmpz_mat(rows.tolist())
    return [[int(entry) for entry in row] for row in (exact.transpose() * exact).tolist()]


def changed(matrix: Table, i: int, j: int, by: int) -> Table:
    """The matrix, still symmetric, with one entry changed."""
    other = [list(row) for row in matrix]
    other[i][j] += by
    if i != j:
        other[j][i] += by
    return other


def rows_of_rank(rng: np.random.Generator, n_rows: int, side: int, rank: int, size: int) -> NDArray[np.int64]:
    independent = rng.integers(-size, size + 1, (n_rows, rank))
    return independent @ rng.integers(-3, 4, (rank, side))


@pytest.mark.parametrize("side", [1, 2, 3, 5, 9, 14, 20])
@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_it_agrees_with_elimination_on_matrices_at_the_edge(side: int, size: int) -> None:
    """Gram matrices of every rank are; one unit more or less in any entry may make the difference, and is seen."""
    rng = np.random.default_rng(side * size)
    for rank in sorted({1, side // 2 or 1, max(1, side - 1), side}):
        matrix = gram(rows_of_rank(rng, side + 2, side, rank, size))
        i, j = (int(k) for k in rng.integers(0, side, 2))
        for candidate in (matrix, *(changed(matrix, *at, by) for at in ((i, j), (i, i)) for by in (-1, 1))):
            assert rank_if_semidefinite(fmpz_mat(candidate)) == by_elimination(candidate)


@pytest.mark.parametrize("degree", [3, 8, 15])
def test_matrices_far_beyond_doubles_are_decided(degree: int) -> None:
    """Powers of 1000 to 1040 have condition numbers that no double holds: the last entry decides all the same."""
    powers = [[x**k for k in range(degree + 1)] for x in range(1000, 1041)]
    exact = fmpz_mat(powers)
    whole = [[int(entry) for entry in row] for row in (exact.transpose() * exact).tolist()]
    assert rank_if_semidefinite(fmpz_mat(whole)) == degree + 1

    last_pivot = int(fmpz_mat(whole).det() // fmpz_mat([row[:-1] for row in whole[:-1]]).det())  # rounded down
    assert rank_if_semidefinite(fmpz_mat(changed(whole, degree, degree, -last_pivot - 1))) is None
    assert rank_if_semidefinite(fmpz_mat(changed(whole, degree, degree, -last_pivot + 1))) == degree + 1


@pytest.mark.parametrize("rank", [40, 79, 80])
def test_many_columns_are_decided_like_few(rank: int) -> None:
    """Beyond some columns ranks come from random primes and definiteness from rounds of congruences: the same answers."""
    rng = np.random.default_rng(rank)
    matrix = gram(rows_of_rank(rng, 90, 80, rank, 10**5))

    assert rank_if_semidefinite(fmpz_mat(matrix)) == rank
    if rank < 80:  # a unit less on the diagonal of a column that depends on others makes it indefinite
        assert rank_if_semidefinite(fmpz_mat(changed(matrix, 79, 79, -1))) is None
        assert rank_if_semidefinite(fmpz_mat(changed(matrix, 79, 79, 1))) == rank + 1


def test_columns_of_zeros_count_for_nothing() -> None:
    """A column of zeros is semidefinite and adds no rank; with anything beside its zero it is not."""
    assert rank_if_semidefinite(fmpz_mat([[0, 0], [0, 0]])) == 0
    assert rank_if_semidefinite(fmpz_mat([[0, 0], [0, 5]])) == 1
    assert rank_if_semidefinite(fmpz_mat([[0, 1], [1, 5]])) is None


def test_entries_of_any_size_are_read() -> None:
    """Columns of scales 10**600 apart, and an entry that is far too large for its diagonal: no overflow, the right answer."""
    small, large = 1, 10**600
    assert rank_if_semidefinite(fmpz_mat([[small**2, small * large - 1], [small * large - 1, large**2]])) == 2
    assert rank_if_semidefinite(fmpz_mat([[small**2, small * large + 1], [small * large + 1, large**2]])) is None
    assert rank_if_semidefinite(fmpz_mat([[1, 10**600], [10**600, 1]])) is None


def test_many_columns_that_are_too_near_dependence_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would take hours to decide is refused at once, with how far it was looked at."""
    monkeypatch.setattr(semidefinite, "_ROUNDS", 1)
    monkeypatch.setattr(semidefinite, "_EXACTLY", 20)
    exact = fmpz_mat([[x**k for k in range(26)] for x in range(10**6, 10**6 + 60)])

    with pytest.raises(Unresolved):
        rank_if_semidefinite(exact.transpose() * exact)


def test_rounds_alone_decide_without_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a few columns never come to elimination in integers, which would take hours for a thousand."""

    def reached(_gram: fmpz_mat) -> bool:
        raise AssertionError("elimination of a matrix of many columns")

    monkeypatch.setattr(semidefinite, "_has_positive_pivots", reached)
    monkeypatch.setattr(semidefinite, "_BLOCK", 7)  # of products, which many columns make in blocks
    for degree in (14, 20, 25):
        exact = fmpz_mat([[x**k for k in range(degree + 1)] for x in range(10**6, 10**6 + 60)])
        assert rank_if_semidefinite(exact.transpose() * exact) == degree + 1
