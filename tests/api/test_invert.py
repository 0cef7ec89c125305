"""`POST /models/{id}/invert`: which x gave the measured y, in every shape that the answer can have, and what cannot be asked."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import Columns, dataset, fit, ok, pointers, refused

RIGHT = 1e-11
# Miller and Miller, Statistics and Chemometrics for Analytical Chemistry, section 5.4: fluorescein in pg/ml, and its signal.
FLUORESCEIN: Columns = {
    "concentration": [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
    "signal": [2.1, 5.0, 9.0, 12.6, 17.3, 21.0, 24.7],
}
NOISE = [0.3, -0.2, 0.4, -0.5, 0.1, -0.1]
RNG = np.random.default_rng(7)
MIXED: Columns = {
    "x": [float(i) for i in range(1, 13)],
    "z": RNG.normal(size=12).round(2).tolist(),
    "city": ["Bonn", "Köln", "Ulm"] * 4,
    "open": [True, False, False, True] * 3,
    "when": [f"2026-03-{day:02}" for day in range(1, 13)],
    "w": [1.0, 2.0, 0.5] * 4,
    "y": (2.0 * np.arange(12) + RNG.normal(size=12)).round(2).tolist(),
}


def model(client: httpx.Client, columns: Columns, target: str, **options: object) -> str:
    id_: str = fit(client, dataset_id=dataset(client, columns), target=target, **options)["id"]
    return id_


def inverted(client: httpx.Client, model_id: str, *y: object, **asked: object) -> list[dict[str, Any]]:
    answer = ok(client.post(f"/models/{model_id}/invert", json={"y": list(y), **asked}), 200)
    items: list[dict[str, Any]] = answer["items"]
    assert len(items) == len(y)
    return items


@pytest.fixture(scope="module")
def fluorescein(client: httpx.Client) -> str:
    return model(client, FLUORESCEIN, "signal")


@pytest.fixture(scope="module")
def mixed(client: httpx.Client) -> str:
    return dataset(client, MIXED)


def test_a_chemist_finds_concentrations_of_signals(client: httpx.Client, fluorescein: str) -> None:
    """The book's three, to the places that it gives; with replicates, which say more, the interval is narrower."""
    answer = ok(client.post(f"/models/{fluorescein}/invert", json={"y": [2.9, 13.5, 23.0, [13.4, 13.6, 13.5]]}), 200)

    assert (answer["model_id"], answer["feature"]) == (fluorescein, "concentration")
    assert (answer["interval"], answer["level"]) == ("prediction", 0.95)
    *single, together = answer["items"]
    assert [round(item["x"], 2) for item in single] == [0.72, 6.21, 11.13]
    assert [(item["upper"] - item["lower"]) / 2 for item in single] == pytest.approx([0.68, 0.62, 0.68], abs=0.011)
    for item in answer["items"]:
        assert item["regions"] == [[item["lower"], item["upper"]]]
        assert (item["kind"], item["extrapolation"], item["reason"]) == ("interval", False, None)
    assert (together["y"], together["n_replicates"]) == (13.5, 3)
    assert together["x"] == single[1]["x"]
    assert together["upper"] - together["lower"] < 0.6 * (single[1]["upper"] - single[1]["lower"])


def test_when_a_disk_is_full_is_where_the_mean_passes_a_threshold(client: httpx.Client) -> None:
    """Days until 100% are used: beyond the rows of the fit, and said so."""
    used = {"day": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "percent": [61.0, 62.2, 62.9, 64.1, 65.2, 65.8, 67.0]}
    id_ = model(client, used, "percent")

    (full,) = inverted(client, id_, 100, interval="confidence")
    (measured,) = inverted(client, id_, 100)

    assert full["extrapolation"] is True
    assert 6 < full["lower"] < full["x"] < full["upper"]
    assert measured["x"] == full["x"]
    assert measured["lower"] < full["lower"] < full["upper"] < measured["upper"]


@pytest.mark.parametrize(
    "options",
    [
        {"features": ["x"]},
        {"features": ["x", "z"], "interactions": True},
        {"features": ["x", "city", "open"], "categorical": "one_hot", "interactions": True},
        {"features": ["x"], "weights": "w"},
        {"features": ["x", "z"], "fit_intercept": False},
        {"features": ["x", "when"], "rank_deficient": "drop"},
    ],
    ids=["line", "interactions", "categories", "weights", "no intercept", "dropped"],
)
@pytest.mark.parametrize("interval", ["prediction", "confidence"])
def test_at_the_ends_the_interval_of_the_prediction_ends_at_y(
    client: httpx.Client, mixed: str, options: dict[str, Any], interval: str
) -> None:
    """The set is that of all x whose interval has y in it: the two calls agree, whatever the model is made of."""
    id_ = fit(client, dataset_id=mixed, target="y", **options)["id"]
    at = {name: MIXED[name][4] for name in options["features"] if name != "x"}

    (item,) = inverted(client, id_, 9.5, feature="x", at=at, interval=interval, level=0.9)

    x = [item["lower"], item["x"], item["upper"]]
    columns = {"x": x} | {name: [value] * 3 for name, value in at.items()}
    predicted = ok(
        client.post("/predict", json={"model_id": id_, "columns": columns, "interval": interval, "level": 0.9}), 200
    )
    assert [predicted["upper"][0], predicted["predictions"][1], predicted["lower"][2]] == pytest.approx([9.5] * 3, rel=RIGHT)


def test_a_model_of_many_columns_is_inverted_in_a_worker(client: httpx.Client) -> None:
    """The same set, made in another process: nobody else waits for it."""
    n, rng = 40, np.random.default_rng(8)
    columns = {f"c{i}": rng.normal(size=n).round(3).tolist() for i in range(30)}
    columns |= {"y": (np.sum([columns[f"c{i}"] for i in range(30)], axis=0) + rng.normal(size=n)).round(3).tolist()}
    id_ = model(client, columns, "y")
    at = {f"c{i}": 0.1 for i in range(30) if i != 3}

    (item,) = inverted(client, id_, 4.0, feature="c3", at=at, level=0.5)

    lower = {"c3": [item["lower"]]} | {name: [value] for name, value in at.items()}
    predicted = ok(
        client.post("/predict", json={"model_id": id_, "columns": lower, "interval": "prediction", "level": 0.5}), 200
    )
    assert predicted["upper"] == pytest.approx([4.0], rel=RIGHT)


@pytest.mark.parametrize(
    ("asked", "kind", "n_regions", "word"),
    [(0.0, "everything", 1, "no x is excluded"), (9.0, "two_rays", 2, "unbounded on both sides")],
)
def test_a_slope_that_is_not_told_from_0_leaves_x_unbounded(
    client: httpx.Client, asked: float, kind: str, n_regions: int, word: str
) -> None:
    """It is an answer, in words too; ends that are none are null."""
    id_ = model(client, {"x": [float(i) for i in range(6)], "y": NOISE}, "y")

    (item,) = inverted(client, id_, asked)

    assert (item["kind"], len(item["regions"])) == (kind, n_regions)
    assert item["regions"][0][0] is None
    assert item["regions"][-1][1] is None
    assert (item["lower"], item["upper"]) == (None, None)
    assert item["x"] is not None
    assert word in item["reason"]


def test_an_empty_set_is_said_to_be_one(client: httpx.Client) -> None:
    """Below the foot of a parabola there is no x; on it, two in the range of the fit, and nobody knows which is meant."""
    x = [float(i) for i in range(-5, 6)]
    id_ = model(client, {"x": x, "y": [v * v + 0.1 * (-1) ** i for i, v in enumerate(x)]}, "y", degree=2)

    below, within = inverted(client, id_, -9.0, 9.0)

    assert (below["kind"], below["regions"], below["x"], below["extrapolation"]) == ("empty", [], None, None)
    assert "empty" in below["reason"]
    assert (within["kind"], len(within["regions"]), within["x"]) == ("intervals", 2, None)
    assert within["estimates"] == pytest.approx([-3, 3], abs=0.1)
    assert "more than one of them within the range" in within["reason"]


def test_of_several_x_the_one_within_the_range_of_the_fit_is_meant(client: httpx.Client) -> None:
    """Over one side of a parabola: the interval round it stands in lower and upper, the other one among the regions."""
    x = [float(i) for i in range(1, 9)]
    id_ = model(client, {"x": x, "y": [v * v + 0.1 * (-1) ** i for i, v in enumerate(x)]}, "y", degree=2)

    (item,) = inverted(client, id_, 20.0)

    assert len(item["estimates"]) == len(item["regions"]) == 2
    assert item["x"] == item["estimates"][1] == pytest.approx(4.47, abs=0.1)
    assert [item["lower"], item["upper"]] == item["regions"][1]
    assert item["extrapolation"] is False


def test_without_the_rows_nobody_knows_what_is_beyond_them(client: httpx.Client) -> None:
    """Of moments the range of a feature is not known, so neither is extrapolation."""
    sums = ok(client.get(f"/datasets/{dataset(client, FLUORESCEIN)}/moments"), 200)
    made = ok(
        client.post("/datasets", json={"moments": {k: sums[k] for k in ("columns", "sums", "numbers", "places", "n_samples")}})
    )
    id_ = fit(client, dataset_id=made["id"], target="signal")["id"]

    (item,) = inverted(client, id_, 13.5)

    assert round(item["x"], 2) == 6.21
    assert item["extrapolation"] is None


def test_robust_errors_are_those_of_the_threshold(client: httpx.Client, mixed: str) -> None:
    """At the ends the test of the hypothesis that the mean is y has the p value of the level."""
    id_ = fit(client, dataset_id=mixed, target="y", features=["x"], cov_type="HC1")["id"]

    (item,) = inverted(client, id_, 9.5, interval="confidence", level=0.9)

    for end in (item["lower"], item["upper"]):
        asked = {"hypotheses": [{"terms": {"intercept": 1.0, "x": end}, "equals": 9.5}]}
        assert ok(client.post(f"/models/{id_}/test", json=asked), 200)["p_value"] == pytest.approx(0.1, rel=1e-9)


def test_a_measurement_beside_robust_errors_has_the_noise_that_predictions_take_for_it(
    client: httpx.Client, mixed: str
) -> None:
    """Sigma's; the answer says so. At the ends of the set the interval of the prediction ends at y."""
    id_ = fit(client, dataset_id=mixed, target="y", features=["x"], cov_type="HC1")["id"]
    (item,) = inverted(client, id_, 9.5, level=0.9)
    assert "noise" in item["reason"]
    asked = {"model_id": id_, "X": [[item["lower"]], [item["upper"]]], "interval": "prediction", "level": 0.9}
    answer = ok(client.post("/predict", json=asked), 200)
    assert [answer["upper"][0], answer["lower"][1]] == pytest.approx([9.5, 9.5], rel=1e-11)


def test_a_measurement_may_have_a_weight_as_the_rows_of_the_fit_have(client: httpx.Client) -> None:
    """It counts as so many of weight 1 would; none sent where the rows had weights is said."""
    spec = {"X": [[1.0], [2.0], [5.0], [10.0], [20.0]], "y": [16.0, 27.1, 66.0, 125.9, 252.3]}
    weighted = fit(client, **spec, weights=[1.0, 0.25, 0.04, 0.01, 0.0025])["id"]
    (heavy,) = inverted(client, weighted, 100.0)
    (light,) = inverted(client, weighted, 100.0, weight=0.01)
    assert "weight" in heavy["reason"]
    assert light["reason"] is None
    assert light["x"] == heavy["x"]
    assert light["upper"] - light["lower"] > 2 * (heavy["upper"] - heavy["lower"])
    plain = fit(client, **spec)["id"]
    (as_four,) = inverted(client, plain, 100.0, weight=4.0)
    (confident, certain) = (
        inverted(client, plain, 100.0, weight=1e12)[0],
        inverted(client, plain, 100.0, interval="confidence")[0],
    )
    assert as_four["upper"] < inverted(client, plain, 100.0)[0]["upper"]
    assert confident["lower"] == pytest.approx(certain["lower"], rel=1e-9)
    asked = {"y": [100.0], "interval": "confidence", "weight": 2.0}
    assert pointers(refused(client.post(f"/models/{plain}/invert", json=asked), 422, "invalid-value")) == ["/weight"]


def test_a_descent_has_an_estimate_and_if_it_arrived_an_interval(client: httpx.Client) -> None:
    """Of coefficients that stopped on the way nobody knows the errors; at the end they are those of the fit."""
    spec = {"dataset_id": dataset(client, FLUORESCEIN), "target": "signal", "method": "gradient_descent"}

    (short,) = inverted(client, fit(client, epochs=2, **spec)["id"], 13.5)
    (arrived,) = inverted(client, fit(client, epochs=100_000, **spec)["id"], 13.5)

    assert short["x"] is not None
    assert (short["regions"], short["kind"], short["lower"]) == (None, None, None)
    assert "stopped short" in short["reason"]
    assert (arrived["kind"], round(arrived["x"], 2)) == ("interval", 6.21)


def test_without_degrees_of_freedom_there_is_an_estimate_until_replicates_bring_some(client: httpx.Client) -> None:
    """Two points and a line through them; then the noise is that of the replicates alone."""
    id_ = model(client, {"x": [0.0, 100.0], "y": [0.0, 100.0]}, "y")

    alone, together = inverted(client, id_, 50.0, [49.9, 50.0, 50.1, 50.0])

    assert (alone["x"], alone["regions"], alone["kind"]) == (50.0, None, None)
    assert "degrees of freedom" in alone["reason"]
    assert together["kind"] == "interval"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"features": ["x"], "l2": 0.1}, "penalised"),
        ({"features": ["x", "when"], "rank_deficient": "minimum_norm"}, "dependent"),
    ],
)
def test_models_that_know_no_errors_are_refused_by_name(
    client: httpx.Client, mixed: str, options: dict[str, Any], word: str
) -> None:
    """As they are when a prediction is to have an interval."""
    id_ = fit(client, dataset_id=mixed, target="y", **options)["id"]
    others = {"when": "2026-03-01"} if "when" in options["features"] else {}

    problem = refused(
        client.post(f"/models/{id_}/invert", json={"y": [9.5], "feature": "x", "at": others}), 422, "no-interval"
    )

    assert word in problem["detail"]


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "y is no list": ({"y": 3.0}, "invalid-fields", "/y"),
    "no y": ({"y": []}, "invalid-fields", "/y"),
    "too many y": ({"y": [1.0] * 1001}, "invalid-fields", "/y"),
    "too many replicates": ({"y": [1.0, [1.0] * 1001]}, "invalid-fields", "/y/1"),
    "no replicates": ({"y": [1.0, []]}, "invalid-fields", "/y/1"),
    "y is text": ({"y": [1.0, "2"]}, "invalid-fields", "/y/1"),
    "y is a boolean": ({"y": [True]}, "invalid-fields", "/y/0"),
    "a replicate is missing": ({"y": [[1.0, None]]}, "invalid-fields", "/y/0/1"),
    "y is missing in a long list": ({"y": [1.25] * 998 + [None]}, "invalid-fields", "/y/998"),
    "y exceeds a double": ({"y": [10**400]}, "invalid-fields", "/y/0"),
    "replicates of a threshold": ({"y": [1.0, [1.0, 2.0]], "interval": "confidence"}, "invalid-value", "/y/1"),
    "no such interval": ({"y": [1.0], "interval": "tolerance"}, "invalid-fields", "/interval"),
    "no such level": ({"y": [1.0], "level": 1.0}, "invalid-fields", "/level"),
    "which feature": ({"y": [1.0], "feature": None}, "invalid-value", "/feature"),
    "no such feature": ({"y": [1.0], "feature": "q"}, "invalid-value", "/feature"),
    "a feature of categories": ({"y": [1.0], "feature": "city"}, "invalid-value", "/feature"),
    "a feature is nowhere": ({"y": [1.0], "at": {}}, "columns-differ", "/at"),
    "no such other feature": ({"y": [1.0], "at": {"city": "Bonn", "q": 1}}, "columns-differ", "/at"),
    "an unseen category": ({"y": [1.0], "at": {"city": "Rom"}}, "unseen-category", "/at/city"),
    "a category that is a number": ({"y": [1.0], "at": {"city": 1}}, "types-differ", "/at/city"),
    "a category that is a list": ({"y": [1.0], "at": {"city": ["Bonn"]}}, "invalid-fields", "/at/city"),
    "a category that is missing": ({"y": [1.0], "at": {"city": None}}, "invalid-fields", "/at/city"),
}


@pytest.mark.parametrize(("sent", "slug", "pointer"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_asked_is_refused_where_it_stands(
    client: httpx.Client, mixed: str, sent: dict[str, Any], slug: str, pointer: str
) -> None:
    """Each with a pointer to what is wrong."""
    id_ = fit(client, dataset_id=mixed, target="y", features=["x", "city"], categorical="one_hot")["id"]
    body = {"feature": "x", "at": {"city": "Bonn"}} | sent

    problem = refused(client.post(f"/models/{id_}/invert", json=body), 422, slug)

    assert pointers(problem) == [pointer]


def test_a_value_out_of_range_is_refused_where_it_stands(client: httpx.Client, mixed: str) -> None:
    """As it is in a row to be predicted."""
    id_ = fit(client, dataset_id=mixed, target="y", features=["x", "z"])["id"]

    sent = {"y": [1.0], "feature": "x", "at": {"z": 1e200}}

    assert pointers(refused(client.post(f"/models/{id_}/invert", json=sent), 422, "out-of-range")) == ["/at/z"]


@pytest.mark.parametrize(
    ("options", "feature", "at", "word"),
    [
        ({"features": ["x", "when"], "rank_deficient": "drop"}, "when", {"x": 3.0}, "dropped"),
        ({"features": ["z"], "degree": 13, "rank_deficient": "drop"}, "z", {}, "dropped"),
    ],
)
def test_a_feature_that_was_dropped_cannot_be_found(
    client: httpx.Client, mixed: str, options: dict[str, Any], feature: str, at: dict[str, Any], word: str
) -> None:
    """Others say the same as it, so that nobody knows how y depends on it."""
    id_ = fit(client, dataset_id=mixed, target="y", **options)["id"]

    problem = refused(
        client.post(f"/models/{id_}/invert", json={"y": [1.0], "feature": feature, "at": at}), 422, "invalid-value"
    )

    assert pointers(problem) == ["/feature"]
    assert word in problem["detail"]


def test_curves_of_a_very_high_degree_are_refused(client: httpx.Client) -> None:
    """To find their roots takes long, and nobody calibrates by them."""
    x = [i / 8 for i in range(30)]
    id_ = model(client, {"x": x, "y": [v + 0.1 * (-1) ** i for i, v in enumerate(x)]}, "y", degree=13, rank_deficient="allow")

    problem = refused(client.post(f"/models/{id_}/invert", json={"y": [1.0]}), 422, "invalid-value")

    assert "degree 12" in problem["detail"]


def test_a_degree_of_ten_is_inverted_in_a_worker(client: httpx.Client) -> None:
    """With all the x at which the curve has the y, of which that within the range of the fit is meant."""
    x = [i / 4 for i in range(30)]
    y = [v + 0.1 * (-1) ** i for i, v in enumerate(x)]
    id_ = model(client, {"x": x, "y": y}, "y", degree=10, rank_deficient="allow")

    (item,) = inverted(client, id_, 3.0)

    predicted = ok(client.post("/predict", json={"model_id": id_, "X": [[item["x"]]]}), 200)
    assert predicted["predictions"] == pytest.approx([3.0], rel=1e-9)
    assert len(item["estimates"]) % 2 == 0
    assert item["lower"] < item["x"] < item["upper"]


def test_a_long_list_is_a_question_each_and_an_alias_stands_for_a_model(client: httpx.Client, fluorescein: str) -> None:
    """A thousand y of one call, in their order; the answer says of which model it is."""
    ok(client.put("/aliases/assay", json={"model_id": fluorescein}))
    y = [i / 64 for i in range(1000)]

    answer = ok(client.post("/models/assay/invert", json={"y": y}), 200)

    assert answer["model_id"] == fluorescein
    assert [item["y"] for item in answer["items"]] == y
    assert answer["items"][640] == inverted(client, fluorescein, 10.0)[0]


def test_a_model_that_is_not_there_is_not_found(client: httpx.Client) -> None:
    """By its name."""
    refused(client.post("/models/mdl_0/invert", json={"y": [1.0]}), 404, "not-found")
