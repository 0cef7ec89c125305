"""What inference promises: Student's t for each coefficient, and a reason wherever there is none."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from service.solver.inference import EXACT_FIT, Inference, inference
from service.solver.least_squares import NO_DF, LeastSquares, least_squares
from service.solver.moments import Moments
from service.solver.rounding import TOO_LARGE


def line(y: list[float], fit_intercept: bool = True) -> LeastSquares:
    block = np.column_stack([np.arange(float(len(y))), y])
    return least_squares(Moments.of(block, ("x", "y")), "y", ["x"], fit_intercept)


def test_t_values_p_values_and_intervals_follow_student() -> None:
    """Two degrees of freedom have closed forms: p = 1 - t / sqrt(2 + t²), and a 95% quantile of 4.30265."""
    fit = line([1.0, 2.5, 2.0, 4.5])
    intercept, slope = inference(fit)

    assert (intercept.term, slope.term) == ("intercept", "x")
    assert (slope.estimate, slope.std_error) == (1.0, fit.std_error[1])
    assert slope.std_error is not None
    t = 1.0 / slope.std_error
    assert slope.t_value == t
    assert slope.p_value == pytest.approx(1 - t / np.sqrt(2 + t * t), rel=1e-13)
    quantile = 0.95 * np.sqrt(2 / (1 - 0.95**2))
    assert slope.ci_lower == pytest.approx(1.0 - quantile * slope.std_error, rel=1e-13)
    assert slope.ci_upper == pytest.approx(1.0 + quantile * slope.std_error, rel=1e-13)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.99])
def test_an_interval_holds_its_level_of_the_distribution(level: float) -> None:
    """The density of Student's t between the ends of the interval integrates to the level."""
    slope = inference(line([1.0, 2.5, 2.0, 4.5, 4.0]), level)[1]
    assert slope.ci_upper is not None
    assert slope.estimate is not None
    assert slope.std_error is not None
    half = (slope.ci_upper - slope.estimate) / slope.std_error
    inside, _ = integrate.quad(lambda t: 2 / (np.pi * np.sqrt(3) * (1 + t * t / 3) ** 2), -half, half)
    assert inside == pytest.approx(level, abs=1e-10)


def test_without_an_intercept_only_features_are_told() -> None:
    """The terms are those that were fitted."""
    assert [term.term for term in inference(line([1.0, 2.0, 4.0], fit_intercept=False))] == ["x"]


def test_an_exact_fit_has_no_t_value_and_says_why() -> None:
    """0/0 and 2/0 are no numbers; the interval is the point."""
    assert inference(line([1.0, 3.0, 5.0]))[1] == Inference(
        "x", 2.0, 0.0, t_value=None, p_value=None, ci_lower=2.0, ci_upper=2.0, reason=EXACT_FIT
    )


def test_without_degrees_of_freedom_nothing_is_inferred() -> None:
    """Two rows say nothing of how far a line may be off."""
    assert inference(line([1.0, 3.0]))[1] == Inference("x", 2.0, None, reason=NO_DF)


def test_what_exceeds_a_double_is_missing_with_the_reason() -> None:
    """No infinity leaves the solver."""
    fit = replace(line([1.0, 2.5, 2.0, 4.5]), coef=(1e300,), std_error=(1.0, 1e-100))
    assert (inference(fit)[1].t_value, inference(fit)[1].reason) == (None, TOO_LARGE)
    fit = replace(fit, std_error=(1.0, 1e308))
    assert (inference(fit)[1].ci_lower, inference(fit)[1].ci_upper) == (None, None)
