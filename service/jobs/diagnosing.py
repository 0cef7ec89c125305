"""What the rows of fitted models say of them, made when first asked for."""

from dataclasses import dataclass
from functools import partial

from flint import fmpq

from service.jobs.diagnosed import Diagnosed, Rows, gathered
from service.jobs.spreads import Spreads, why_no_leverage
from service.jobs.workers import Solver
from service.registry.fitted_rows import FittedRows
from service.registry.kept import Kept
from service.registry.models import Model, Models
from service.registry.observations import RowsOfFit
from service.registry.turns import Turns
from service.solver.centred import centred
from service.solver.collinearity import variance_inflation
from service.solver.diagnostics import Fit
from service.solver.errors import CoefficientOutOfRange, RankDeficient
from service.solver.least_squares import CONSTANT_TARGET, NO_DF, NOT_UNIQUE, ZERO_TARGET, least_squares
from service.solver.moments import Moments
from service.solver.residual_summary import NO_FEATURES, NO_INTERCEPT, OF_RESIDUALS, ResidualSummary
from service.solver.rounding import TOO_LARGE, double

STANDARDISED = ("std_residual", "studentized_residual", "cooks_distance")
LEFT_OUT = ("press", "rmse_loo", "r2_pred")
OF_THE_FIT = (*STANDARDISED, *LEFT_OUT, "breusch_pagan")  # what says nothing of coefficients other than those of least squares

EXACT = "the fit is exact: there is nothing to measure a residual by"
ONE_DF = "one degree of freedom: without a row none is left"
DROPPED = "of terms that were dropped: the others say all that they could"
STOPPED = "the descent stopped short of the least-squares fit"


def sigma(moments: Moments, target: str, features: list[str], fit_intercept: bool) -> float | None:
    """That of a fit, 0 only where it is exact; None: there is none that doubles hold."""
    try:
        return least_squares(moments, target, features, fit_intercept, rank_deficient="allow").sigma
    except (CoefficientOutOfRange, RankDeficient):
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What all rows of a model say. A figure that does not exist is None, and `reasons` says why by its name."""

    residuals: ResidualSummary
    vif: dict[str, float | None] | None  # variance inflation factors of the terms; None for those that were dropped
    r2_pred: float | None  # 1 - press / the sum of squares that r2 is a part of
    reasons: dict[str, str]


class Diagnoses:
    """Those of models. Any thread may ask, and may wait for a pass over the rows of a model."""

    def __init__(self, models: Models, fitted_rows: FittedRows, spreads: Spreads, solver: Solver) -> None:
        self._models, self._fitted_rows, self._spreads, self._solver = models, fitted_rows, spreads, solver
        self._made = Kept[str, Diagnosis](4096)
        self._largest = Kept[tuple[str, str], Rows](16 << 20)  # bytes
        self._turns = Turns()  # so that two that ask for one thing do not both read the rows

    def of(self, model: Model) -> Diagnosis:
        """What all rows say. Raises: NotFound: the model, or its rows, are gone; NoRowsKept; InlineRowsNotKept; as the solver."""
        rows = self._fitted_rows.of(model)  # first: of rows that were taken away nothing is said, though it be kept here
        with self._turns.of(model.id):
            found = self._made.get(model.id)
            if found is None:
                found = self._diagnosis(model, rows)
                self._made.put(model.id, found)
        return found

    def rows(self, model: Model) -> Diagnosed:
        """Its rows one by one. Raises: as `of`."""
        return Diagnosed(self._fit(model), self._fitted_rows.of(model), partial(self._sigma_without, model))

    def largest(self, model: Model, by: str, top: int) -> Rows:
        """The `top` rows, at most `MOST_LARGEST`, of the largest `by`. Raises: as `of`."""
        diagnosed = self.rows(model)
        with self._turns.of((model.id, by)):
            found = self._largest.get((model.id, by))
            if found is None:
                found = diagnosed.largest(by)
                self._largest.put((model.id, by), found, found.values.nbytes)
        return found.take(slice(top))

    def _sigma_without(self, model: Model, rows: Moments) -> float | None:
        body, kept = model.body, model.kept_terms
        others = self._models.moments(model.id).select(rows.columns) - rows
        return self._solver.of_moments(
            len(kept), sigma, [others], body["target"], kept, body["options"]["fit_intercept"], for_=model.id
        )

    def _fit(self, model: Model) -> Fit:
        body = model.body
        return Fit(
            evaluation=model.evaluation,
            numbers=model.numbers,
            plan=model.recipe.plan,
            spread=None if "leverage" in reasons_of(model) else self._spreads.of(model),
            sigma=body["metrics"]["sigma"],
            df_resid=body["metrics"]["df_resid"],
            rank=body["rank"],
            is_exact=body["metrics"]["rmse"] == 0,
            is_repeated=body["options"]["weight_type"] == "frequency",
        )

    def _diagnosis(self, model: Model, rows: RowsOfFit) -> Diagnosis:
        body, reasons, rms = model.body, reasons_of(model), model.body["metrics"]["rmse"]
        moments = self._models.moments(model.id)
        equation = centred(moments.select([body["target"]]), body["options"]["fit_intercept"])
        known = {name: why for name, why in reasons.items() if name not in ("leverage", "vif", *STANDARDISED)}
        if rms is None:
            known |= dict.fromkeys(OF_RESIDUALS, TOO_LARGE)
        found = gathered(rows, self._fit(model), rms or 0.0, moments.weight, known)
        square = equation.target_square * equation.target_unit**2 * equation.weight_unit / equation.scale
        why, r2_pred = dict(found.reasons), None
        if square == 0:
            why["r2_pred"] = CONSTANT_TARGET if equation.fit_intercept else ZERO_TARGET
        elif found.press is not None:
            r2_pred = double(1 - fmpq(*found.press.as_integer_ratio()) / square)
        vif = self._vif(model, moments)
        return Diagnosis(found, vif, r2_pred, why if vif is not None else {"vif": NOT_UNIQUE} | why)

    def _vif(self, model: Model, moments: Moments) -> dict[str, float | None] | None:
        body = model.body
        if reasons_of(model).get("vif") == NOT_UNIQUE:
            return None
        kept = model.kept_terms
        if not kept:
            return dict.fromkeys(body["terms"])
        found = self._solver.of_moments(
            len(kept), variance_inflation, [moments], body["target"], kept, body["options"]["fit_intercept"], for_=model.id
        )
        return None if found is None else dict.fromkeys(body["terms"]) | dict(zip(kept, found, strict=True))


def reasons_of(model: Model) -> dict[str, str]:
    """Why figures of its rows, or of all of them, do not exist, by their names: what its rows need not be read for."""
    body, metrics = model.body, model.body["metrics"]
    sigma, fit_intercept = metrics["sigma"], body["options"]["fit_intercept"]
    reasons: dict[str, str] = {}
    if body["rank"] == fit_intercept:
        reasons["breusch_pagan"] = NO_FEATURES
    if not fit_intercept:
        reasons["breusch_pagan"] = NO_INTERCEPT
    if sigma == 0:
        reasons |= dict.fromkeys(STANDARDISED, EXACT)
    elif sigma is None:
        reasons |= dict.fromkeys(STANDARDISED, body["reasons"].get("sigma", NO_DF))
    elif metrics["df_resid"] == 1:
        reasons["studentized_residual"] = ONE_DF
    if "inference" in body["reasons"] or (body["descent"] is not None and not body["inference"]):
        reasons |= dict.fromkeys(OF_THE_FIT, STOPPED)
    if body["dropped"]:
        reasons["vif"] = DROPPED
    if not model.is_determined:
        reasons["vif"] = NOT_UNIQUE
    why = why_no_leverage(model)
    if why is not None:
        reasons |= dict.fromkeys((*OF_THE_FIT, "leverage", "max_leverage"), why)
    return reasons
