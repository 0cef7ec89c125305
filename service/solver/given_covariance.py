"""How combinations of coefficients vary where their covariance does not follow from the moments: as with robust errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from service.solver.combinations import Combinations
from service.solver.influence import influence
from service.solver.moments import Moments
from service.solver.rounding import double
from service.solver.sandwich import is_singular


@dataclass(frozen=True, slots=True, eq=False)
class Robust:
    """A covariance of the coefficients that does not follow from the moments, in whitened coordinates: see `Influence`.

    As it is, rounded, it would not do: of powers far from 0 its entries cancel.
    """

    meat: NDArray[np.float64]  # (c, c) in units of sigma^2
    sigma: float
    df: int  # degrees of freedom of t and F


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """R V R' of a covariance that is given."""

    spread: list[list[fmpq]]  # (q, q)
    is_singular: bool  # but for the rounding of the doubles that it was made of

    @classmethod
    def of(cls, robust: Robust, moments: Moments, fit_intercept: bool, asked: Combinations) -> Given:
        *features, target = moments.columns
        made = influence(moments, target, features, fit_intercept)
        c = len(robust.meat)
        back = _exact(made.back[0]) + _exact(made.back[1])
        first = len(asked.weights[0]) - c
        left = fmpq_mat([list(row[first:]) for row in asked.weights]) * back
        sigma = fmpq(*robust.sigma.as_integer_ratio())
        spread: list[list[fmpq]] = (left * _exact(robust.meat) * left.transpose() * (sigma * sigma)).tolist()
        return cls(spread, not robust.sigma or _is_singular(left, robust.meat))


def _exact(matrix: NDArray[np.float64]) -> fmpq_mat:
    return fmpq_mat([[fmpq(*value.as_integer_ratio()) for value in row] for row in matrix.tolist()])


def _is_singular(left: fmpq_mat, meat: NDArray[np.float64]) -> bool:
    """Whether the meat says nothing of some direction among the rows of `left`."""
    rows = [[value / sum(map(abs, row), fmpq(0)) for value in row] for row in left.tolist()]
    directions, _ = np.linalg.qr(np.array([[double(value) for value in row] for row in rows]).T)
    return is_singular(directions.T @ meat @ directions)
