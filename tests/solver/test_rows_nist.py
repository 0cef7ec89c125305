"""What is said of each row of NIST's reference sets: predictions, leverages and interval ends, to 13 digits at least."""

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq, fmpq_mat
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.evaluation import predictions
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.leverage import Spread, intervals, leverages, spread
from service.solver.reading import Numbers
from service.solver.rounding import nearest_root
from service.solver.student import quantile
from service.solver.term_summation import TermSummation
from service.solver.term_values import Plan
from service.solver.terms import Base, Term, Terms, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import design, exact_leverages, exact_terms, fraction, matrix, worst

DATA: dict[str, Any] = json.loads(Path(__file__).with_name("nist_strd.json").read_text())
THIRTEEN_DIGITS = Fraction(1, 10**13)


@dataclass(frozen=True)
class Case:
    X: NDArray[np.float64]  # base columns
    terms: tuple[Term, ...]
    design: fmpq_mat
    y: fmpq_mat
    fit: LeastSquares
    spread: Spread

    def fitted(self) -> fmpq_mat:
        transposed = self.design.transpose()
        return self.design * (transposed * self.design).solve(transposed * self.y)


@cache
def case(name: str, numbers: Numbers) -> Case:
    """A set with its powers as terms."""
    data = DATA[name]
    X = np.array(data["x"], float).reshape(len(data["y"]), -1)
    y = np.array(data["y"], float)[:, None]
    made = terms([Base(f"x{j}") for j in range(X.shape[1])], data["degree"])
    names = [term.name for term in made]
    rows, values = exact_terms(as_read(X, numbers), made), as_read(y, numbers)
    summed = TermSummation([f"x{j}" for j in range(X.shape[1])], made, "y", numbers)
    summed.add(np.column_stack([X, y]))
    moments = summed.result()
    fit = least_squares(moments, "y", names, data["intercept"], rank_deficient="allow", terms=Terms(made))
    made_of = spread(moments, "y", names, data["intercept"], Terms(made))
    return Case(X, made, design(rows, data["intercept"]), matrix(values), fit, made_of)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("name", sorted(DATA))
def test_predictions_have_13_digits_at_every_row(name: str, numbers: Numbers) -> None:
    """From the terms in twice the digits: Filip's tenth powers cancel by seven of them."""
    it = case(name, numbers)
    got = predictions(it.fit.evaluation, it.X, numbers, Plan.of(it.terms, it.X.shape[1]))
    assert worst(got, [fraction(value) for value in it.fitted().entries()]) <= THIRTEEN_DIGITS


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("name", sorted(DATA))
def test_leverages_have_13_digits_at_every_row(name: str, numbers: Numbers) -> None:
    """Doubles answer -23 for Filip's 0.05."""
    it = case(name, numbers)
    assert worst(leverages(it.spread, it.X, numbers), exact_leverages(it.design, it.design)) <= THIRTEEN_DIGITS


@pytest.mark.parametrize("kind", ["confidence", "prediction"])
@pytest.mark.parametrize("name", sorted(DATA))
def test_interval_ends_have_13_digits_at_every_row(name: str, kind: Any) -> None:
    """The half widths from the exact residuals and leverages; the quantile has a test of its own."""
    it = case(name, "decimal")
    n, df, sigma = len(it.X), it.fit.df_resid, it.fit.sigma
    assert sigma is not None
    values = predictions(it.fit.evaluation, it.X, "decimal", Plan.of(it.terms, it.X.shape[1]))
    got = np.array(intervals(values, leverages(it.spread, it.X, "decimal"), sigma, df, 0.95, kind))
    centre = it.fitted()
    rss = sum(((it.y[i, 0] - centre[i, 0]) ** 2 for i in range(n)), fmpq(0))
    assert nearest_root(rss / df) == sigma
    with precision(200):
        for i, h in enumerate(exact_leverages(it.design, it.design)):
            variance = h + (kind == "prediction")
            half = arb(quantile(df, 0.95)) * arb(rss / df * fmpq(variance.numerator, variance.denominator)).sqrt()
            for end, sign in zip(got[:, i].tolist(), (-1, 1), strict=True):
                exact = arb(centre[i, 0]) + sign * half
                assert abs(arb(end) - exact) <= abs(exact) * arb("1e-13")
    assert ctx.prec == 53
