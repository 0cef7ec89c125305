"""NIST's eleven reference sets, however they are sent: every certified digit, and the exact answer for the numbers as read."""

from collections.abc import Iterable
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api import nist
from tests.api.exact import said
from tests.api.made import fit, ok

READINGS = ["decimal", "float64"]
SENT_TOGETHER = 7  # rows that are appended at a time


@pytest.fixture(scope="module")
def models(client: httpx.Client) -> dict[tuple[str, str], dict[str, Any]]:
    """The model of each set in each reading, sent whole as JSON."""
    return {(name, numbers): whole_as_json(client, name, numbers) for name in nist.SETS for numbers in READINGS}


def whole_as_json(client: httpx.Client, name: str, numbers: str) -> dict[str, Any]:
    sent = nist.as_json(nist.columns(name), numbers=numbers)
    return fit(client, dataset_id=ok(client.post("/datasets", **sent))["id"], **nist.options(name))


def whole_as_csv(client: httpx.Client, name: str, numbers: str) -> dict[str, Any]:
    sent = nist.as_csv(nist.columns(name))
    made = ok(client.post("/datasets", params={"numbers": numbers}, **sent))
    return fit(client, dataset_id=made["id"], **nist.options(name))


def shuffled(client: httpx.Client, name: str, numbers: str) -> dict[str, Any]:
    sent = nist.as_json(nist.rows_of(name, in_disorder(name)), numbers=numbers)
    return fit(client, dataset_id=ok(client.post("/datasets", **sent))["id"], **nist.options(name))


def appended(client: httpx.Client, name: str, numbers: str) -> dict[str, Any]:
    """A few rows at a time, in disorder, JSON and CSV by turns."""
    order = in_disorder(name)
    first, *others = [order[i : i + SENT_TOGETHER] for i in range(0, len(order), SENT_TOGETHER)]
    made = ok(client.post("/datasets", **nist.as_json(nist.rows_of(name, first), numbers=numbers)))
    for turn, rows in enumerate(others):
        form = nist.as_csv if turn % 2 else nist.as_json
        ok(client.post(f"/datasets/{made['id']}/rows", **form(nist.rows_of(name, rows))))
    return fit(client, dataset_id=made["id"], **nist.options(name))


def inline(client: httpx.Client, name: str, numbers: str) -> dict[str, Any]:
    columns = {column: [float(text) for text in texts] for column, texts in nist.columns(name).items()}
    y = columns.pop("y")
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return fit(client, X=rows, y=y, feature_names=list(columns), numbers=numbers, **nist.options(name))


def in_disorder(name: str) -> list[int]:
    order: list[int] = np.random.default_rng(len(name)).permutation(len(nist.SETS[name]["y"])).tolist()
    return order


def certified(name: str, model: dict[str, Any]) -> Iterable[tuple[float, str]]:
    """Each figure of a model and what NIST certifies, all digits of it."""
    data, figures = nist.SETS[name], said(model)
    yield from zip(coefficients(name, model), data["coef"], strict=True)
    yield from zip(figures["std_error"], data["se"], strict=True)
    yield from ((figures["r2"], data["r2"]), (figures["sigma"], data["rsd"]))


def coefficients(name: str, model: dict[str, Any]) -> list[float]:
    return [model["intercept"], *model["coef"]] if nist.SETS[name]["intercept"] else list(model["coef"])


@pytest.mark.parametrize("way", [whole_as_csv, shuffled, appended, inline], ids=lambda way: way.__name__)
@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize("name", nist.SETS)
def test_however_rows_come_the_model_is_the_same_to_the_bit(
    client: httpx.Client, models: dict[tuple[str, str], dict[str, Any]], name: str, numbers: str, way: Any
) -> None:
    """JSON or CSV, whole, in another order, a few rows at a time, or with the fit: all of the model but its ids and times."""
    ids = {"id", "job_id", "dataset_id", "dataset_version", "meta"}

    got = way(client, name, numbers)

    expected = models[name, numbers]
    assert {key: got[key] for key in got.keys() - ids} == {key: expected[key] for key in expected.keys() - ids}


@pytest.mark.parametrize("name", nist.SETS)
def test_decimals_give_every_certified_digit(models: dict[tuple[str, str], dict[str, Any]], name: str) -> None:
    """The worst coefficient, standard error, R² and residual deviation: 15.5 digits, which is all that a double holds."""
    assert min(nist.digits(*pair) for pair in certified(name, models[name, "decimal"])) >= 15.5


@pytest.mark.parametrize("name", nist.SETS)
def test_doubles_give_the_digits_that_doubles_carry(models: dict[tuple[str, str], dict[str, Any]], name: str) -> None:
    """The certified coefficients are of decimals; doubles are others, and no digit more is lost than that."""
    pairs = zip(coefficients(name, models[name, "float64"]), nist.SETS[name]["coef"], strict=True)

    assert min(nist.digits(*pair) for pair in pairs) >= 13.1


@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize("name", nist.SETS)
def test_every_figure_is_the_exact_one_correctly_rounded(
    models: dict[tuple[str, str], dict[str, Any]], name: str, numbers: str
) -> None:
    """Exact rational arithmetic on the numbers as read, then one rounding: equal, not near."""
    figures = said(models[name, numbers])
    assert figures == nist.exact(name, numbers).figures()
