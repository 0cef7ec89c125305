"""The least-squares solution of the least norm, for columns of which some are linear combinations of others.

With the pivots P, the first columns that span all, X = X_P F and F = [I G]. Every least-squares solution has F beta = b,
b being that of the pivots alone, and the shortest is beta = F' (F F')^-1 b. The norm is that of the coefficients in the
units as sent, without the intercept: the columns are centred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from flint import arb, arb_mat, fmpq, fmpq_mat

from service.solver.centred import Centred, scaled_units
from service.solver.figures import Method
from service.solver.inverse import inverse
from service.solver.solution import Number, Solution, in_balls, in_rationals


def minimum_norm(equation: Centred, pivots: Sequence[int], df: int, scales: Sequence[int] = ()) -> Method:
    """The method for columns of which all but the `pivots` are taken to depend on these, exactly.

    Args: scales: of the coefficients whose norm it is.
    """
    equation = equation.balanced()
    squares = [unit * unit for unit in scaled_units(equation, scales)]
    few = equation.select(pivots)
    rest = [j for j in range(equation.n_features) if j not in set(pivots)]
    crossed = [[equation.gram[i, j] for j in rest] for i in pivots]

    def balls() -> Solution[arb]:
        C = inverse(few.gram)
        G = C * arb_mat(len(pivots), len(rest), [entry for row in crossed for entry in row])
        return _shortest(equation, squares, in_balls(few, C), _spanning(pivots, rest, G), arb_mat, lambda Z: C * Z)

    def rationals() -> Solution[fmpq]:
        gram = fmpq_mat(few.gram)
        G = gram.solve(fmpq_mat(len(pivots), len(rest), [entry for row in crossed for entry in row]))
        return _shortest(equation, squares, in_rationals(few), _spanning(pivots, rest, G), fmpq_mat, gram.solve)

    return Method(equation, balls, rationals, df, rationals_are_cheap=False)


def _spanning(pivots: Sequence[int], rest: Sequence[int], G: Any) -> list[list[Any]]:
    """F: the columns of the pivots are those of the identity, the others those of G."""
    rows = [[0] * (len(pivots) + len(rest)) for _ in pivots]
    for row, pivot in zip(range(len(pivots)), pivots, strict=True):
        rows[row][pivot] = 1
        for column, j in enumerate(rest):
            rows[row][j] = G[row, column]
    return rows


def _shortest(
    equation: Centred,
    squares: Sequence[fmpq],
    few: Solution[Number],
    F: list[list[Any]],
    matrix: Callable[..., Any],
    inverse_times: Callable[[Any], Any],
) -> Solution[Number]:
    """The solution of all columns from that of the pivots: Z' of theirs, Z = (F U F')^-1 F U, U the squares of the units."""
    r, p = len(F), equation.n_features
    weighted = matrix(r, p, [entry * square for row in F for entry, square in zip(row, squares, strict=True)])
    Z = (weighted * matrix(p, r, [row[j] for j in range(p) for row in F])).solve(weighted)
    solution = Z.transpose() * matrix(r, 1, [few.beta(i) for i in range(r)])

    @cache
    def covariance_half() -> Any:
        return inverse_times(Z)

    def sums() -> Any:
        return matrix(p, 1, [equation.right[i, 1] for i in range(p)])

    def spread() -> Number:
        moved = Z * sums()
        result: Number = (moved.transpose() * inverse_times(moved))[0, 0]
        return result

    return Solution(
        beta=lambda i: solution[i, 0],
        explained=few.explained,
        shift=lambda: (solution.transpose() * sums())[0, 0],
        variance=lambda i: sum((Z[k, i] * covariance_half()[k, i] for k in range(r)), 0 * few.explained()),
        spread=spread,
    )
