"""The two sides of a comparison: two models, or two data sets that are fitted alike; and what speaks against comparing them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.api.closed_form import closed_form, require_alike
from service.api.errors import InvalidValue, NotComparable, NotTestable
from service.api.services import Services
from service.jobs.workers import HowToSolve
from service.registry.design import Design
from service.registry.models import Model
from service.registry.versions import Dataset
from service.solver.moments import Moments

# What must be the same of two models, by name.
ALIKE = ("target", "numbers", "fit_intercept", "weights", "weight_type", "per")
DROPPED = "terms were dropped, so that its coefficients depend on which"


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two, of which much is shown as it is."""

    shown: dict[str, Any]
    moments: Moments  # of (*terms, target)
    is_line: bool  # of one number as it is
    fit_intercept: bool
    rows: tuple[int, int] | None = None  # of the data set; None: all
    cov_type: str = "classical"
    scales: dict[str, int] = field(default_factory=dict)  # what coefficients are multiplied by to be read, if not by 1
    is_of_time: bool = False  # a line over a timestamp

    @property
    def terms(self) -> tuple[str, ...]:
        return self.moments.columns[:-1]


def of_models(use: Services, names: Sequence[str]) -> tuple[Side, Side]:
    """Raises: NotFound, InvalidValue, NotTestable, NotComparable."""
    models = [use.models.get(name) for name in names]
    first, second = models
    if first.id == second.id:
        raise InvalidValue("/models/1", f"{first.id} is the first model too")
    _require_alike(first, second)
    one, other = (_of_model(use, model, i) for i, model in enumerate(models))
    if set(one.terms) != set(other.terms):
        only = min(set(one.terms) ^ set(other.terms))
        owner = first if only in one.terms else second
        raise NotComparable("terms", f"{only!r} is a term of {owner.id} alone", "/models/1")
    return one, other


def _require_alike(first: Model, second: Model) -> None:
    require_alike(first, second, ALIKE, "/models/1")
    categories = [{name: set(of["levels"]) for name, of in model.body["categories"].items()} for model in (first, second)]
    for name in categories[0].keys() & categories[1].keys():
        alone = sorted(categories[0][name] ^ categories[1][name])
        if alone:
            owner = first if alone[0] in categories[0][name] else second
            raise NotComparable("categories", f"only {owner.id} has seen {name} = {alone[0]!r}", "/models/1")


def _of_model(use: Services, model: Model, place: int) -> Side:
    found = closed_form(use, model, f"/models/{place}")
    body, options = model.body, model.body["options"]
    if body["dropped"]:
        raise NotTestable(model.id, DROPPED, f"/models/{place}")
    shown = {
        "model_id": model.id,
        "dataset_id": body["dataset_id"],
        "dataset_version": body["dataset_version"],
        "n_samples": body["n_samples"],
        "df_resid": body["metrics"]["df_resid"],
        "sigma": body["metrics"]["sigma"],
        "intercept": body["intercept"] if options["fit_intercept"] else None,
        "coef": dict(zip(body["terms"], body["coef"], strict=True)),
    }
    return Side(
        shown, found.moments, is_line=body["terms"] == body["feature_names"] and len(body["terms"]) == 1,
        fit_intercept=options["fit_intercept"], rows=None if options["rows"] is None else tuple(options["rows"]),
        cov_type=options["cov_type"], scales=model.scaled_terms, is_of_time=body["terms"] == model.timestamps,
    )  # fmt: skip


def of_datasets(
    use: Services, datasets: Sequence[Dataset], target: str, features: Sequence[str] | None, at: Callable[[int], None]
) -> tuple[Side, Side]:
    """Args: at: is told which of the two what follows is about, and what may be wrong with it.

    Raises: InvalidValue, NotComparable, NotNumeric, NoRowsKept, MissingValue, NotFound; as `least_squares`.
    """
    first, second = datasets
    if (first.id, first.version) == (second.id, second.version):
        raise InvalidValue("/datasets/1", f"version {second.version} of {second.id} is the first one too")
    if first.numbers != second.numbers:
        why = f"{first.numbers!r} of {first.id}, {second.numbers!r} of {second.id}"
        raise NotComparable("numbers", why, "/datasets/1")
    chosen = _features(first, second, target) if features is None else list(features)
    _require_columns(datasets, target, chosen)
    design = Design(features=tuple(chosen), target=target)
    sides = []
    for i, dataset in enumerate(datasets):
        at(i)
        sides.append(_of_dataset(use, dataset, design))
    return sides[0], sides[1]


def _features(first: Dataset, second: Dataset, target: str) -> list[str]:
    """All other columns of numbers, which must be the same."""
    mine, others = (
        [column.name for column in dataset.columns if column.type == "number" and column.name != target]
        for dataset in (first, second)
    )
    alone = sorted(set(mine) ^ set(others))
    if alone:
        owner = first if alone[0] in mine else second
        raise NotComparable(
            "features", f"only {owner.id} has a column of numbers {alone[0]!r}: name the features", "/features"
        )
    return mine


def _require_columns(datasets: Sequence[Dataset], target: str, features: Sequence[str]) -> None:
    if not features:
        raise InvalidValue("/features", "there is no feature: name at least one")
    for i, name in enumerate(features):
        if name == target or name in features[:i]:
            raise InvalidValue(f"/features/{i}", f"{name!r} is {'the target' if name == target else 'named twice'}")
    for dataset in datasets:
        for pointer, name in [("/target", target), *((f"/features/{i}", name) for i, name in enumerate(features))]:
            if name not in [column.name for column in dataset.columns]:
                raise NotComparable(pointer.split("/")[1], f"{dataset.id} has no column {name!r}", pointer)
            type_ = dataset.column(name).type
            if type_ != "number" and pointer != "/target":
                why = f"{name!r} is a {type_} column of {dataset.id}: fit a model to each data set, and compare those"
                raise InvalidValue(pointer, why)
        dataset.numeric("target", target)


def _of_dataset(use: Services, dataset: Dataset, design: Design) -> Side:
    summed = use.sums.of(dataset, design)
    moments = summed.moments.select((*design.features, design.target))
    fit = use.solver.least_squares(moments, HowToSolve(True, 0.0, "error", None), dataset.id)
    shown = {
        "model_id": None,
        "dataset_id": dataset.id,
        "dataset_version": dataset.version,
        "n_samples": fit.n_samples,
        "df_resid": fit.df_resid,
        "sigma": fit.sigma,
        "intercept": fit.intercept,
        "coef": dict(zip(fit.feature_names, fit.coef, strict=True)),
    }
    return Side(shown, moments, is_line=len(design.features) == 1, fit_intercept=True)


def overlap(one: Side, other: Side) -> str | None:
    """What speaks for rows that are in both."""
    if one.moments.select(other.moments.columns).digest() == other.moments.digest():
        return "both have the same sums: they are of the same rows, and say nothing of a difference"
    id_ = one.shown["dataset_id"]
    if id_ is None or id_ != other.shown["dataset_id"]:
        return None
    versions = [side.shown["dataset_version"] for side in (one, other)]
    if versions[0] != versions[1]:
        return f"versions {versions[0]} and {versions[1]} of {id_} share rows: the tests take the two for independent"
    ranges = [side.rows for side in (one, other)]
    if None in ranges or max(start for start, _ in filter(None, ranges)) < min(stop for _, stop in filter(None, ranges)):
        return f"both are of rows of {id_} that overlap: the tests take the two for independent"
    return None
