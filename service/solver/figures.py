"""Every figure of a fit, from ever more precise solutions: balls until both ends round to one double, then rationals.

What balls cannot decide is exactly 0 or midway between two doubles. Rationals of p columns have p times the digits of the
sums: where sums are long, as of high powers, balls of thousands of bits cost less by far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flint import arb, fmpq, fmpz_mat, nmod_mat

from service.solver.balls import precision
from service.solver.centre import Expansion
from service.solver.centred import Centred
from service.solver.solution import Figure, Number, Question, Solution, questions

# 192 bits decide a fit whose X'X has a condition number up to 1e24, remainders included; they are doubled for worse ones.
FIRST_BITS = 192
# Up to here they are doubled whatever comes of it.
_COMMON_BITS = 768
# Up to here rationals cost less than the next balls (4 features of 53 bits: 130 us), so they come second.
_FEW_FEATURES = 4
_PRIME = 2**61 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A way to solve a normal equation."""

    equation: Centred
    in_balls: Callable[[], Solution[arb]]  # at the precision in force; raises ZeroDivisionError: it is too low
    in_rationals: Callable[[], Solution[fmpq]]
    df: int | None  # see `questions`
    rationals_are_cheap: bool = True  # for a solution that is short


def figures(method: Method, about: Expansion | None = None, scales: Sequence[int] = ()) -> list[Figure]:
    """All figures in the order of `questions`, each from the first solution that decides it."""
    equation = method.equation
    known: list[Figure | None] = []
    exact: list[Question[fmpq]] = []
    mse = equation.n_features + equation.fit_intercept
    bits = first = FIRST_BITS
    while True:
        before = known.count(None)
        with precision(bits):
            try:
                asked = questions(equation, method.in_balls(), method.df, about, scales)
            except ZeroDivisionError:
                asked = []
            else:
                known = _answers(asked, known)
        if asked and None not in known:
            return _decided(known)
        if equation.n_features <= _FEW_FEATURES:
            break
        if not asked:
            bits = first = 2 * bits
            continue
        if known[mse] is None and not exact and method.rationals_are_cheap and _may_be_exact(equation):
            # An exact line, whose short solution rationals find in less time than balls (100 features: 15 ms), and whose
            # standard errors, all 0, need no inverse.
            exact = _exactly(method, about, scales)
            if exact[mse][1]() == 0:
                break
        # Twice the bits that a solution takes leave as many for the figures: what gains nothing by that never will.
        if bits >= max(_COMMON_BITS, 2 * first) and known.count(None) == before:
            break
        bits *= 2
    return _decided(_answers(exact or _exactly(method, about, scales), known))


def _may_be_exact(equation: Centred) -> bool:
    """Whether the residuals may all be 0: modulo a prime the target depends on the columns then."""
    p = equation.n_features
    rows = [
        *([*row, equation.right[i, 0]] for i, row in enumerate(equation.gram.tolist())),
        [*(equation.right[i, 0] for i in range(p)), equation.target_square],
    ]
    return nmod_mat(fmpz_mat(rows), _PRIME).rank() <= p


def _exactly(method: Method, about: Expansion | None, scales: Sequence[int]) -> list[Question[fmpq]]:
    return questions(method.equation, method.in_rationals(), method.df, about, scales)


def _decided(known: Sequence[Figure | None]) -> list[Figure]:
    return [figure for figure in known if figure is not None]


def _answers(asked: list[Question[Number]], known: list[Figure | None]) -> list[Figure | None]:
    known = known or [None] * len(asked)
    return [rounded(value()) if old is None else old for (rounded, value), old in zip(asked, known, strict=True)]
