"""Powers and products that depend on each other but for the rounding of what they are made of, and those that do not."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.errors import RankDeficient
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.term_summation import TermSummation
from service.solver.terms import Base, Terms, terms

Floats = NDArray[np.float64]

DRAW = np.random.default_rng(5)
X = 1 + 3 * DRAW.random(50)
WHOLE = DRAW.integers(2, 500, 50).astype(float)
DRAWN = DRAW.normal(size=(50, 3))
UNIT = DRAWN / np.linalg.norm(DRAWN, axis=1)[:, None]


def fitted(columns: Sequence[Floats], degree: int, interactions: bool) -> LeastSquares:
    """The fit of noise on the terms of the columns."""
    names = [f"x{j}" for j in range(len(columns))]
    made = terms([Base(name) for name in names], degree, interactions)
    summation = TermSummation(names, made, "y", "float64")
    summation.add(np.column_stack([*columns, np.random.default_rng(0).normal(size=len(columns[0]))]))
    return least_squares(summation.result(), "y", [term.name for term in made], terms=Terms(made))


DEPENDENT: dict[str, tuple[list[Floats], int, bool]] = {
    "a point on the circle": ([np.cos(X), np.sin(X)], 2, False),
    "a point on the sphere": (list(UNIT.T), 2, False),
    "a distance, a time and a speed": ([WHOLE, WHOLE[::-1], WHOLE / WHOLE[::-1]], 1, True),
    "a value and its reciprocal": ([X, 1 / X], 1, True),
    "growth and decay": ([np.exp(X), np.exp(-X)], 1, True),
    "a whole number and its root": ([WHOLE, np.sqrt(WHOLE)], 2, False),
    "a whole number and its cube root": ([WHOLE, np.cbrt(WHOLE)], 3, False),
    "a total and its parts": ([X, UNIT[:, 0], X + UNIT[:, 0]], 2, True),
}


@pytest.mark.parametrize(("columns", "degree", "interactions"), DEPENDENT.values(), ids=DEPENDENT)
def test_terms_that_depend_but_for_the_rounding_of_their_columns_are_refused(
    columns: list[Floats], degree: int, interactions: bool
) -> None:
    """The powers are exact, but each is one of a value that was rounded when it was computed."""
    with pytest.raises(RankDeficient) as refused:
        fitted(columns, degree, interactions)

    assert refused.value.to_rounding


@pytest.mark.parametrize("degree", [2, 3, 4])
@pytest.mark.parametrize(("near", "span"), [(2e3, 1e-3), (1e6, 1e-3), (1.6e9, 10), (1.6e9, 1e6), (1.7e12, 86_400)])
def test_powers_of_a_column_far_from_0_are_not(near: float, span: float, degree: int) -> None:
    """They are nearly dependent, but an error of x moves them together, and what they tell apart is not rounding."""
    assert fitted([near + span * X], degree, False).rank == 1 + degree


def test_products_of_columns_far_from_0_are_not() -> None:
    """As are two sensors that count from a billion."""
    assert fitted([1e9 + X, 1e9 + UNIT[:, 0]], 1, True).rank == 4
