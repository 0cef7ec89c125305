"""Fitted models as what tests are made of: the moments of the terms that were kept, and the covariance, if it is its own."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.api.errors import NotComparable, NotTestable
from service.api.services import Services
from service.jobs.diagnosing import STOPPED
from service.registry.models import Model
from service.solver.given_covariance import Robust
from service.solver.least_squares import NOT_UNIQUE, PENALISED
from service.solver.moments import Moments

NO_COVARIANCE = "it has no covariance of its cov_type"


@dataclass(frozen=True, slots=True, eq=False)
class ClosedForm:
    """A model that is the one least-squares fit of its terms."""

    model: Model
    moments: Moments  # of (*terms, target)
    terms: tuple[str, ...]  # those that were kept
    robust: Robust | None  # None: the covariance is that of the fit

    @property
    def fit_intercept(self) -> bool:
        fitted: bool = self.model.body["options"]["fit_intercept"]
        return fitted

    @property
    def names(self) -> tuple[str, ...]:
        """What its coefficients belong to, the intercept first if there is one."""
        return (*(["intercept"] if self.fit_intercept else []), *self.terms)


def closed_form(use: Services, model: Model, pointer: str | None = None) -> ClosedForm:
    """Raises: NotTestable; NotFound: the model was deleted just now."""
    body, options = model.body, model.body["options"]
    if options["l2"]:
        raise NotTestable(model.id, PENALISED, pointer)
    if "inference" in body["reasons"] or not body["inference"]:
        raise NotTestable(model.id, STOPPED, pointer)
    if not model.is_determined:
        raise NotTestable(model.id, NOT_UNIQUE, pointer)
    terms = tuple(model.kept_terms)
    moments = use.models.moments(model.id).select((*terms, body["target"]))
    return ClosedForm(model, moments, terms, _robust(use, model, pointer))


def require_alike(one: Model, other: Model, names: Iterable[str], pointer: str) -> None:
    """Args: names: of what must be the same of two models; those that are not of the model are of its options.

    Raises: NotComparable: with the first that is not.
    """
    for name in names:
        mine, others = (model.body[name] if name in model.body else model.body["options"][name] for model in (one, other))
        if mine != others:
            raise NotComparable(name, f"{mine!r} of {one.id}, {others!r} of {other.id}", pointer)


def _robust(use: Services, model: Model, pointer: str | None) -> Robust | None:
    body, options = model.body, model.body["options"]
    if options["cov_type"] == "classical":
        return None
    meat = use.models.meat(model.id)
    if meat is None:
        raise NotTestable(model.id, body["reasons"].get("std_error", NO_COVARIANCE), pointer)
    return Robust(meat, body["metrics"]["sigma"], model.df_of_t)
