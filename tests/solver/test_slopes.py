"""What `supported_digits` promises of polynomials: what random errors of half a last place in the data leave."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, fmpq, fmpz
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.last_place import LastPlaces
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.reading import Numbers
from service.solver.slopes import Slopes
from service.solver.term_summation import TermSummation
from service.solver.terms import Base, Term, Terms, terms
from tests.solver.exact_fit import as_read

Floats = NDArray[np.float64]

FILIP: dict[str, Any] = json.loads(Path(__file__).with_name("nist_strd.json").read_text())["filip"]
TENTHS = 0.3  # digits that the figure may be off by, first order and few draws as it is


def fitted(rows: Floats, made: tuple[Term, ...], numbers: Numbers) -> LeastSquares:
    """Of rows whose last column is the target."""
    summed = TermSummation([f"x{j}" for j in range(rows.shape[1] - 1)], made, "y", numbers)
    summed.add(rows)
    return least_squares(summed.result(), "y", [term.name for term in made], rank_deficient="allow", terms=Terms(made))


def digits_left(rows: Floats, made: tuple[Term, ...], numbers: Numbers, places: Floats, fit: LeastSquares) -> float:
    """Those of the worst coefficient when each value moves by up to half a last place: the root mean square of 30 draws."""
    rng = np.random.default_rng(0)
    read = [[fmpq(value.numerator, value.denominator) for value in row] for row in as_read(rows, numbers)]
    squares = np.zeros(len(made))
    with precision(500):
        exact = [arb(of_double(hi)) + arb(of_double(lo)) for hi, lo in zip(fit.theta.hi, fit.theta.lo, strict=True)]
        for _ in range(30):
            moves = (rng.uniform(-0.5, 0.5, size=rows.shape) * places).tolist()
            moved = [
                [arb(value + of_double(move)) for value, move in zip(*both, strict=True)]
                for both in zip(read, moves, strict=True)
            ]
            X = arb_mat([[arb(1), *(product(row, term) for term in made)] for row in moved])
            theta = (X.transpose() * X).solve(X.transpose() * arb_mat([[row[-1]] for row in moved])).entries()
            squares += [float((a / b - 1) ** 2) for a, b in zip(theta[1:], exact[1:], strict=True)]
    return float(-np.log10(squares.max() / 30) / 2)


def of_double(value: float) -> fmpq:
    return fmpq(*map(fmpz, value.as_integer_ratio()))


def product(row: list[arb], term: Term) -> arb:
    result = arb(1)
    for j, exponent in term.powers:
        result *= row[j] ** exponent
    return result


def test_filip_as_doubles_supports_14_digits() -> None:
    """An error of x moves its ten powers together, so it is not their condition number that it grows by."""
    rows = np.array([[float(x), float(y)] for (x,), y in zip(FILIP["x"], FILIP["y"], strict=True)])
    made = terms([Base("x0")], 10)
    fit = fitted(rows, made, "float64")
    places = 2.0**-52 * np.sqrt((rows**2).mean(axis=0))
    assert fit.supported_digits == pytest.approx(digits_left(rows, made, "float64", places, fit), abs=TENTHS)
    assert fit.supported_digits == pytest.approx(14.4, abs=0.1)


@pytest.mark.parametrize("noise", [0.0, 0.1, 3.0])
def test_powers_of_years_support_what_their_last_places_leave(noise: float) -> None:
    """Whether the target's errors count most, the years', or the years' by way of large residuals."""
    rng = np.random.default_rng(1)
    year = (1950 + np.arange(40.0) + rng.uniform(size=40)).round(3)
    rows = np.column_stack([year, (np.sin((year - 1950) / 9) + noise * rng.normal(size=40)).round(4)])
    made = terms([Base("x0")], 5)
    fit = fitted(rows, made, "decimal")
    left = digits_left(rows, made, "decimal", np.array([1e-3, 1e-4]), fit)
    assert fit.supported_digits == pytest.approx(left, abs=TENTHS)
    assert left > 1


@pytest.mark.parametrize(("noise", "degree"), [(0.1, 1), (3.0, 1), (0.1, 2), (3.0, 2)])
def test_products_of_columns_support_what_their_last_places_leave(noise: float, degree: int) -> None:
    """Each column has a last place of its own; one of whole numbers has none."""
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(5, 1, 60).round(3), rng.normal(0, 1, 60).round(4), rng.integers(0, 9, size=60)])
    a, b, c = X.T
    y = 1 + 5 * a + 2 * b - 3 * c + 4 * a * b + 3 * a * c - 2 * b * c + noise * rng.normal(size=60)
    if degree == 2:
        y += a**2 - 2 * b**2 + 3 * c**2
    rows = np.column_stack([X, y.round(4)])
    made = terms([Base(f"x{j}") for j in range(3)], degree, interactions=True)
    fit = fitted(rows, made, "decimal")
    left = digits_left(rows, made, "decimal", np.array([1e-3, 1e-4, 0, 1e-4]), fit)
    assert fit.supported_digits == pytest.approx(left, abs=TENTHS)


def test_powers_of_whole_numbers_support_all_digits() -> None:
    """Nothing was rounded."""
    x = 1950 + np.arange(30.0)
    assert fitted(np.column_stack([x, (x - 1970) ** 2 % 7]), terms([Base("x0")], 6), "float64").supported_digits == 15.95


def test_terms_whose_factors_are_not_all_there_have_no_slopes() -> None:
    """After some were dropped: the products are then taken to be exact, and the columns' errors one by one."""
    made = (Term("a", ((0, 1),)), Term("a^3", ((0, 3),)))
    rows = np.column_stack([np.arange(9.0), np.arange(9.0) ** 2])
    summed = TermSummation(["a"], made, "y", "float64")
    summed.add(rows)
    places = LastPlaces((0.0, 0.0), (0.0, 0.0), 0.0)
    nothing: Any = None
    assert Slopes.of(summed.result(), nothing, places, Terms(made)) is None
