"""What each term adds to a prediction: exact, but for one rounding, whatever form the predictions are made from."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq

from service.solver.contributions import Shares, coefficients
from service.solver.evaluation import Evaluation, predictions
from service.solver.least_squares import least_squares
from service.solver.reading import Numbers
from service.solver.term_summation import TermSummation
from service.solver.term_values import Plan
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read, exact_fit
from tests.solver.exact_rows import exact_terms

ONE_ULP = Fraction(1, 2**52)


@pytest.mark.parametrize("degree", [1, 2, 4])
@pytest.mark.parametrize("offset", [0.0, 50.0, 2000.0])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_contributions_are_coefficient_times_value(numbers: Numbers, offset: float, degree: int) -> None:
    """To an ulp, of the coefficients of x also where predictions go by powers of x - centre; they add up to the prediction."""
    rng = np.random.default_rng(degree)
    X = (rng.normal(size=(25, 2)) + offset).round(3)
    made = terms([Base("a"), Base("b")], degree, interactions=degree == 2)
    summed = TermSummation(["a", "b"], made, "y", numbers)
    y = (X.sum(axis=1) + rng.normal(size=25)).round(3)
    summed.add(np.column_stack([X, y]))
    names = [term.name for term in made]
    fit = least_squares(summed.result(), "y", names, terms=Terms(made))
    plan = Plan.of(made, 2)
    rows = exact_terms(as_read(X, numbers), made)
    exact = exact_fit(rows, [row[0] for row in as_read(y[:, None], numbers)])

    found = Shares.of(fit.evaluation, Terms(made), range(len(made))).of_rows(X, numbers, plan)

    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            expected = exact.theta[1 + j] * value
            assert abs(Fraction(found[j, i]) - expected) <= ONE_ULP * abs(expected)
        parts = [Fraction(part) for part in (fit.intercept, *found[:, i])]
        predicted = Fraction(predictions(fit.evaluation, X[[i]], numbers, plan)[0])
        assert abs(sum(parts) - predicted) <= ONE_ULP * (abs(predicted) + sum(map(abs, parts)))


def test_the_coefficients_of_a_polynomial_about_a_centre_are_those_of_x() -> None:
    """3 - 4 (x - 8) + (x - 8)^2 is 99 - 20 x + x^2, and 2 of that lies between two doubles."""
    made = Terms(terms([Base("x")], 2))

    assert coefficients(Evaluation((3.0, -4.0, 1.0), (0.0, 0.0, 0.0), (8.0,)), made) == ((99.0, -20.0, 1.0), (0.0, 0.0, 0.0))
    hi, lo = coefficients(Evaluation((3.0, -4.0, 1.0), (0.0, 2.0**-80, 0.0), (8.0,)), made)
    assert fmpq(*hi[0].as_integer_ratio()) + fmpq(*lo[0].as_integer_ratio()) == 99 - fmpq(8, 2**80)


def test_large_coefficients_do_not_overflow_and_what_no_double_holds_is_infinite() -> None:
    """Halves of 1e300 would; the product may be a double all the same."""
    shares = Shares.of(Evaluation((0.0, 1e300), (0.0, 0.0)), Terms(terms([Base("x")])), [0])

    assert shares.of_rows(np.array([[2.0**-400], [1e100]]), "float64", None).tolist() == [[1e300 * 2.0**-400, np.inf]]
