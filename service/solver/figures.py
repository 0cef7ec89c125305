"""Every figure of a fit, from ever more precise solutions: balls until both ends round to one double, then rationals.

What balls cannot decide is exactly 0 or midway between two doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flint import arb, fmpq

from service.solver.balls import precision
from service.solver.centre import Expansion
from service.solver.centred import Centred
from service.solver.solution import Figure, Number, Question, Solution, questions

# 192 bits decide a fit whose X'X has a condition number up to 1e24, remainders included; the next are for worse ones.
BITS = (192, 384, 768, 1024)
# Up to here rationals cost less than the next balls (4 features of 53 bits: 130 us), so they come second.
_FEW_FEATURES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A way to solve a normal equation."""

    equation: Centred
    in_balls: Callable[[], Solution[arb]]  # at the precision in force; raises ZeroDivisionError: it is too low
    in_rationals: Callable[[], Solution[fmpq]]
    df: int | None  # see `questions`
    rationals_are_cheap: bool = True  # for a solution that is short


def figures(method: Method, about: Expansion | None = None) -> list[Figure]:
    """All figures in the order of `questions`, each from the first solution that decides it."""
    equation = method.equation
    known: list[Figure | None] = []
    exact: list[Question[fmpq]] = []
    mse = equation.n_features + equation.fit_intercept
    for bits in BITS if equation.n_features > _FEW_FEATURES else BITS[:1]:
        with precision(bits):
            try:
                asked = questions(equation, method.in_balls(), method.df, about)
            except ZeroDivisionError:
                continue
            known = _answers(asked, known)
        if None not in known:
            return _decided(known)
        if known[mse] is None and not exact and method.rationals_are_cheap:
            # Mostly an exact line, whose short solution rationals find in less time than balls (100 features: 15 ms),
            # and whose standard errors, all 0, need no inverse.
            exact = _exactly(method, about)
            if exact[mse][1]() == 0:
                break
    return _decided(_answers(exact or _exactly(method, about), known))


def _exactly(method: Method, about: Expansion | None) -> list[Question[fmpq]]:
    return questions(method.equation, method.in_rationals(), method.df, about)


def _decided(known: Sequence[Figure | None]) -> list[Figure]:
    return [figure for figure in known if figure is not None]


def _answers(asked: list[Question[Number]], known: list[Figure | None]) -> list[Figure | None]:
    known = known or [None] * len(asked)
    return [rounded(value()) if old is None else old for (rounded, value), old in zip(asked, known, strict=True)]
