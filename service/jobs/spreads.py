"""What the leverages and intervals of models are made of: functions of their moments, made when first asked for."""

from service.jobs.workers import Solver
from service.registry.kept import Kept
from service.registry.models import Model, Models
from service.solver.leverage import Spread

CAPACITY = 64 << 20  # bytes


class Spreads:
    """Those of the models asked for last."""

    def __init__(self, models: Models, solver: Solver) -> None:
        self._models, self._solver = models, solver
        self._kept = Kept[str, Spread](CAPACITY)

    def of(self, model: Model) -> Spread:
        """Raises: NotFound: the model was deleted just now; and as the solver."""
        found = self._kept.get(model.id)
        if found is None:
            body, moments = model.body, self._models.moments(model.id)
            kept = [term for term in body["terms"] if term not in body["dropped"]]
            made_of = model.recipe.made_of if model.recipe.has_products or body["dropped"] else None
            found = self._solver.spread(moments, kept, body["options"]["fit_intercept"], made_of, model.id)
            self._kept.put(model.id, found, 16 * (1 + len(body["terms"])) ** 2)
        return found
