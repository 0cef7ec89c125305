"""Ridge regression: the coefficients that minimise the mean of squared residuals plus l2 times their own squares.

(X'X / n + l2 I) beta = X'y / n for centred columns, n being the total weight: the intercept is not penalised. With l2 > 0
there is one solution whatever the rank and the number of rows.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import lcm

from flint import arb, arb_mat, fmpq, fmpq_mat, fmpz, fmpz_mat

from service.solver.centred import Centred, scaled_units
from service.solver.figures import Method
from service.solver.reading import Numbers
from service.solver.solution import Number, Solution

_MOST_DIGITS = 15


def as_read(l2: float, numbers: Numbers) -> fmpq:
    """What `l2` means: in decimals the shortest that reads as it, if that has up to 15 digits; else the double."""
    decimal = Decimal(repr(l2))
    whole = decimal if numbers == "decimal" and len(decimal.normalize().as_tuple().digits) <= _MOST_DIGITS else l2
    return fmpq(*whole.as_integer_ratio())


def penalised(equation: Centred, l2: fmpq, scales: Sequence[int] = ()) -> Method:
    """The method for l2 > 0; it says nothing of sigma, for it is biased on purpose. Args: scales: of the coefficients."""
    equation = equation.balanced([square.p // square.q for square in _diagonal(equation, l2, scales)])
    p = equation.n_features
    added = [square - equation.gram[i, i] for i, square in enumerate(_diagonal(equation, l2, scales))]
    common = fmpz(lcm(*(int(value.q) for value in added)))
    gram = equation.gram * common
    for i, value in enumerate(added):
        gram[i, i] += value.p * (common // value.q)
    right = fmpz_mat(p, 1, [equation.right[i, 0] for i in range(p)])
    sums = [equation.right[i, 1] for i in range(p)] if equation.fit_intercept else []

    def solved(beta: list[Number], zero: Number) -> Solution[Number]:
        def explained() -> Number:
            # y'X beta + l2 beta'beta: with that the residuals are the target's square less what is explained.
            return sum((b * (right[i, 0] + added[i] * b) for i, b in enumerate(beta)), zero)

        def shift() -> Number:
            return sum((b * total for b, total in zip(beta, sums, strict=True)), zero)

        def no_variance(_: int = 0) -> Number:
            raise NotImplementedError

        return Solution(lambda i: beta[i], explained, shift, no_variance, no_variance)

    def in_balls() -> Solution[arb]:
        return solved(arb_mat(gram).solve(arb_mat(right * common)).entries(), arb(0))

    def in_rationals() -> Solution[fmpq]:
        return solved(fmpq_mat(gram).solve(fmpq_mat(right * common)).entries(), fmpq(0))

    return Method(equation, in_balls, in_rationals, df=None)


def _diagonal(equation: Centred, l2: fmpq, scales: Sequence[int]) -> list[fmpq]:
    """The squares of the columns and the penalty on each, in the equation's integers."""
    penalty = l2 * equation.scale * equation.total
    units = scaled_units(equation, scales)
    return [equation.gram[i, i] + penalty / (unit * unit) for i, unit in enumerate(units)]
