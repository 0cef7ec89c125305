"""The plain road to exact sums of products of monomials: Python's integers, multiplied by FLINT."""

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.slicing.monomials import Plan
from service.solver.slicing.term_limits import MOST_ODD_SLICES, bits_of, require_short
from service.solver.units import Sums

MOST_INTEGERS = 1 << 18  # made at a time, each of some hundred bytes


def term_sums(plan: Plan, integers: NDArray[np.generic], units: list[int], most_slices: int = MOST_ODD_SLICES) -> Sums:
    """The sums of left * right, whatever the magnitudes.

    Args: integers: (c, n). units: (c,), each value being integer * base**-unit.
    Raises: TooLongProducts: the products need more than `most_slices`, and none was made.
    """
    require_short(plan, bits_of(integers), most_slices)
    entries = fmpz_mat(plan.n_factors, plan.n_factors)
    columns = integers.astype(object)
    step = max(1, MOST_INTEGERS // len(plan.monomials))
    for start in range(0, columns.shape[1], step):
        entries += products_of(plan, columns[:, start : start + step])
    return Sums(plan.factor_units(units), entries, plan.weight_unit(units))


def products_of(plan: Plan, columns: NDArray[np.object_]) -> fmpz_mat:
    made: list[NDArray[np.object_]] = [np.empty(0, object)] * len(plan.monomials)
    made[0] = np.ones(columns.shape[1], object)
    for place, column in plan.singles:
        made[place] = columns[column]
    for step in plan.steps:
        made[step.result] = made[step.shorter] * made[step.single]
    right = as_matrix(made[: plan.n_factors])
    left = as_matrix([made[place] for place in plan.left]) if plan.is_weighted else right
    return left * right.transpose()


def as_matrix(rows: list[NDArray[np.object_]]) -> fmpz_mat:
    return fmpz_mat(len(rows), len(rows[0]), [value for row in rows for value in row.tolist()])
