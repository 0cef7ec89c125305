"""What predictions from terms promise: each term in twice the digits, so that the sum has all of its own."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.solver.evaluation import Evaluation, predictions
from service.solver.reading import Numbers
from service.solver.term_values import Plan
from service.solver.terms import Base, Term, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import exact_terms, worst

BASES = [Base("a"), Base("b"), Base("c")]
ULP = Fraction(1, 2**52)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), degree=st.integers(1, 6), interactions=st.booleans(), digits=st.integers(0, 13))
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_powers_and_products_that_cancel_leave_a_right_sum(
    numbers: Numbers, seed: int, degree: int, interactions: bool, digits: int
) -> None:
    """The intercept takes nearly all of the others away."""
    rng = np.random.default_rng(seed)
    made = terms(BASES, degree, interactions)
    X = np.tile(rng.integers(1, 10**4, size=3) / 1000, (3, 1))
    values = exact_terms(as_read(X, numbers), made)
    coef = [Fraction(value) for value in rng.normal(size=len(made)).tolist()]
    total = sum((a * b for a, b in zip(values[0], coef, strict=True)), Fraction(0))
    intercept = -float(total * (1 + Fraction(10) ** -digits))
    evaluation = Evaluation((intercept, *map(float, coef)), (0.0,) * (1 + len(made)))
    expected = [Fraction(intercept) + total] * 3
    assert worst(predictions(evaluation, X, numbers, Plan.of(made, X.shape[1])), expected) <= ULP


def test_some_of_the_terms_in_any_order_are_fine() -> None:
    """What they are made of need not be among them."""
    made = (Term("a^2*c", ((0, 2), (2, 1))), Term("b", ((1, 1),)), Term("a^3", ((0, 3),)))
    X = np.array([[2.0, 3.0, 5.0], [-1.0, 0.5, 4.0]])
    evaluation = Evaluation((1.0, 10.0, 100.0, 1000.0), (0.0,) * 4)
    assert predictions(evaluation, X, "float64", Plan.of(made, X.shape[1])).tolist() == [
        1 + 200 + 300 + 8000,
        1 + 40 + 50 - 1000,
    ]


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_how_rows_are_cut_into_blocks_does_not_change_a_bit_of_terms(numbers: Numbers) -> None:
    """A row's prediction is its own."""
    rng = np.random.default_rng(3)
    made = terms(BASES, 4, interactions=True)
    X = rng.normal(size=(700, 3)).round(4)
    evaluation = Evaluation(tuple(rng.normal(size=1 + len(made)).tolist()), (0.0,) * (1 + len(made)))
    whole = predictions(evaluation, X, numbers, Plan.of(made, X.shape[1]))
    assert np.array_equal(
        whole, np.concatenate([predictions(evaluation, X[[i]], numbers, Plan.of(made, X.shape[1])) for i in range(700)])
    )


def test_a_term_beyond_double_range_makes_the_prediction_infinite() -> None:
    """Never NaN, and no warning."""
    made = terms(BASES[:1], 3)
    X = np.array([[1e120], [-1e120], [1e90]])
    got = predictions(Evaluation((0.0, 1.0, -1.0, 1.0), (0.0,) * 4), X, "float64", Plan.of(made, X.shape[1]))
    assert np.isinf(got).tolist() == [True, True, False]
