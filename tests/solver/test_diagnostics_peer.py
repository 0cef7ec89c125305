"""What statsmodels says of the same rows, to nine digits."""

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.stattools import durbin_watson, jarque_bera

from service.solver.collinearity import variance_inflation
from tests.solver.test_diagnostics import KINDS, Case, case_of

Floats = NDArray[np.float64]
RIGHT = 1e-9
NOTHING = 1e-12  # a residual near 0 has as many digits less as it is below the others


def design_of(case: Case) -> Floats:
    """The terms as statsmodels takes them; repeated rows as often as they were seen."""
    columns = [np.prod([case.X[:, j] ** n for j, n in term.powers], axis=0) for term in case.made_of.each]
    return seen(case, np.column_stack([np.ones(len(case.X)), *columns] if case.fit_intercept else columns))


def well_conditioned(case: Case) -> Floats:
    """The same space: of columns less one of the others or, of powers, less their mean."""
    if not case.fit_intercept:
        return design_of(case)
    X = case.X - np.rint(case.X.mean(axis=0))
    if case.made_of.has_products:
        return seen(case, np.column_stack([np.ones(len(X)), X, X**2]))
    others = X[:, 1:] - X[:, :1]
    return seen(case, np.column_stack([np.ones(len(X)), X[:, :1], others / np.abs(others).max(axis=0)]))


def seen(case: Case, rows: Floats) -> Floats:
    assert case.weights is not None or not case.repeated
    return np.repeat(rows, case.weights.astype(np.int64), axis=0) if case.repeated and case.weights is not None else rows


@pytest.mark.parametrize("kind", KINDS)
def test_diagnostics_are_those_of_statsmodels(kind: str) -> None:
    """get_influence() and the tests of residuals; weighted, those of rows times the root of their weights, as R has them.

    statsmodels gets columns that are neither 1e6 from 0 nor 1e-4 from each other: of such it has six digits itself.
    """
    case = case_of(kind, 11)
    X, y = well_conditioned(case), seen(case, case.y)
    roots = np.ones(len(y)) if case.weights is None or case.repeated else np.sqrt(case.weights)
    fitted = sm.OLS(y * roots, X * roots[:, None]).fit()
    influence = fitted.get_influence()
    rows, summary = case.rows(), case.summary()

    expected = {
        "residual": fitted.resid / roots,
        "leverage": influence.hat_matrix_diag,
        "std_residual": influence.resid_studentized_internal,
        "studentized_residual": influence.resid_studentized_external,
        "cooks_distance": influence.cooks_distance[0],
    }
    for name, values in expected.items():
        found = seen(case, getattr(rows, name))
        assert found == pytest.approx(values, rel=RIGHT, abs=NOTHING * float(np.abs(values).max()))
    normal = summary.jarque_bera
    assert normal is not None
    assert (normal.statistic, normal.p_value, normal.skew, normal.kurtosis) == pytest.approx(
        jarque_bera(fitted.resid), rel=RIGHT, abs=NOTHING
    )
    assert summary.press == pytest.approx(float((influence.resid_press**2).sum()), rel=RIGHT)
    if not case.repeated:
        assert summary.durbin_watson == pytest.approx(float(durbin_watson(fitted.resid)), rel=RIGHT)
    even = summary.breusch_pagan
    if even is not None and case.fit_intercept:
        assert (even.lm, even.lm_p_value, even.f, even.f_p_value) == pytest.approx(
            het_breuschpagan(fitted.resid, X), rel=RIGHT
        )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("precision", "far and near each other")])
def test_variance_inflation_is_that_of_statsmodels(kind: str) -> None:
    """Of powers 1000 from 0 as well, which inflate each other; it knows no weights, and centres unless told not to."""
    case = case_of(kind, 11)
    X = design_of(case)
    is_centred = case.fit_intercept
    expected = [variance_inflation_factor(X, j, standardize=is_centred) for j in range(int(case.fit_intercept), X.shape[1])]
    found = variance_inflation(case.moments, "y", case.names, case.fit_intercept)
    assert found == pytest.approx(expected, rel=RIGHT)
