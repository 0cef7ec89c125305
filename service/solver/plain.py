"""The least-squares solution of columns that do not depend on each other."""

from flint import arb, ctx

from service.solver.correlation import Inverted
from service.solver.figures import Method
from service.solver.inverse import inverse
from service.solver.solution import Solution, in_balls, in_rationals


def plain(inverted: Inverted, df: int) -> Method:
    """The method, which starts from the inverse that is known."""
    equation = inverted.equation

    def balls() -> Solution[arb]:
        if ctx.prec < inverted.bits:
            raise ZeroDivisionError
        return in_balls(equation, inverted.balls if ctx.prec == inverted.bits else inverse(equation.gram))

    return Method(equation, balls, lambda: in_rationals(equation), df)
