"""A model as the terms that its predictions are split into."""

from dataclasses import dataclass

import numpy as np

from service.api.sent_rows import Floats
from service.registry.models import Model
from service.solver.contributions import Shares
from service.solver.reading import Numbers
from service.solver.term_values import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """By name: the intercept, if it is fitted, and the terms that were kept."""

    names: tuple[str, ...]
    intercept: float | None
    shares: Shares
    plan: Plan | None

    def of(self, X: Floats, numbers: Numbers) -> Floats:
        """What each adds to the predictions of base columns (m, b), (q, m); infinite beyond a double."""
        shares = self.shares.of_rows(X, numbers, self.plan)
        return shares if self.intercept is None else np.vstack([np.full(len(X), self.intercept), shares])


def split_up(model: Model) -> Split:
    body, recipe = model.body, model.recipe
    kept = [i for i, term in enumerate(body["terms"]) if term not in body["dropped"]]
    names = tuple(body["terms"][i] for i in kept)
    intercept = body["intercept"] if body["options"]["fit_intercept"] else None
    shares = Shares.of(model.evaluation, recipe.made_of, kept)
    return Split(names if intercept is None else ("intercept", *names), intercept, shares, recipe.plan)
