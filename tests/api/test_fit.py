"""Fits: of data sets and of rows sent along, by both methods."""

from itertools import pairwise
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import FORMS, LINE, Columns, dataset, descent, fit, ok, pointers, refused
from tests.api.sse import EVENT_STREAM, events

FIGURES = ("coef", "intercept", "metrics", "inference", "rank", "n_samples", "reasons")
_drawn = np.random.default_rng(20).normal(size=(40, 4)) * [1.0, 1e6, 1e-3, 1.0]
ROWS: dict[str, list[float]] = {name: _drawn[:, j].tolist() for j, name in enumerate(("a", "b", "c", "y"))}


def figures(model: dict[str, Any]) -> dict[str, Any]:
    """What depends on the rows alone. JSON writes doubles so that they read back to the bit."""
    return {name: model[name] for name in FIGURES}


def test_a_fit_of_a_data_set_answers_with_the_model(client: httpx.Client) -> None:
    """201, a Location that shows the same model, and every figure of the table."""
    id_ = dataset(client)

    answer = client.post("/fit", json={"dataset_id": id_, "target": "price", "features": ["x"]})

    model = ok(answer)
    assert ok(client.get(answer.headers["location"]), 200) == model
    assert (model["method"], model["n_samples"], model["n_features"], model["rank"]) == ("normal_equation", 4, 1, 2)
    assert (model["feature_names"], model["target"]) == (["x"], "price")
    assert (model["dataset_id"], model["dataset_version"], model["descent"]) == (id_, 1, None)
    assert (model["coef"], model["intercept"]) == ([1.97], 1.02)
    assert model["options"] == {
        "method": "normal_equation", "fit_intercept": True, "degree": 1, "interactions": False, "l2": 0.0, "weights": None,
        "weight_type": None, "missing": "error", "categorical": None, "rows": None, "rank_deficient": "error",
        "level": 0.95, "cov_type": "classical", "cluster": None, "cv": None, "per": None,
    }  # fmt: skip
    assert [row["term"] for row in model["inference"]] == ["intercept", "x"]
    assert model["metrics"]["df_resid"] == 2
    job = ok(client.get(f"/jobs/{model['job_id']}"), 200)
    assert (job["state"], job["model_id"], job["progress"]) == ("done", model["id"], 1.0)


def test_rows_may_come_with_the_fit(client: httpx.Client) -> None:
    """Inline rows make no data set, and give the figures that a data set of the same rows gives."""
    before = ok(client.get("/datasets", params={"limit": 1}), 200)
    names = ["a", "b", "c"]
    X = np.column_stack([ROWS[name] for name in names]).tolist()

    inline = fit(client, X=X, y=ROWS["y"], feature_names=names)

    assert ok(client.get("/datasets", params={"limit": 1}), 200) == before
    assert (inline["dataset_id"], inline["dataset_version"], inline["dataset_gone"]) == (None, None, False)
    assert (inline["feature_names"], inline["target"]) == (names, "y")
    assert figures(inline) == figures(fit(client, dataset_id=dataset(client, ROWS), target="y"))
    assert fit(client, X=X, y=ROWS["y"])["feature_names"] == ["x1", "x2", "x3"]


def test_features_are_all_other_numeric_columns_unless_they_are_named(client: httpx.Client) -> None:
    """Null takes every numeric column but the target; a list takes those it names, in its order."""
    id_ = dataset(client, {"a": [1.0, 2.0, 3.5], "city": ["r", "o", "b"], "y": [0.0, 1.0, 0.5], "b": [2.0, 1.0, 7.0]})

    assert fit(client, dataset_id=id_, target="y", features=None)["feature_names"] == ["a", "b"]
    assert fit(client, dataset_id=id_, target="a", features=["b"])["feature_names"] == ["b"]
    assert fit(client, dataset_id=id_, target="y", features=["b", "a"])["feature_names"] == ["b", "a"]


def test_the_intercept_may_be_left_out(client: httpx.Client) -> None:
    """Without it the line goes through the origin, and inference has no row for it."""
    model = fit(client, X=[[1.0], [2.0]], y=[1.0, 3.0], fit_intercept=False)

    assert (model["intercept"], model["coef"], model["rank"]) == (0.0, [1.4], 1)
    assert [row["term"] for row in model["inference"]] == ["x"]


def test_the_same_rows_give_the_same_bits(client: httpx.Client) -> None:
    """Shuffled, cut, appended, as JSON, CSV or Arrow, by columns in another order: never another bit."""
    whole = figures(fit(client, dataset_id=dataset(client, ROWS), target="y"))
    order = np.random.default_rng(3).permutation(40)

    for form in FORMS.values():
        cuts = np.split(order, [1, 17])
        first, *rest = ({name: [values[i] for i in cut] for name, values in reversed(ROWS.items())} for cut in cuts)
        id_ = ok(client.post("/datasets", **form(first)))["id"]
        for part in rest:
            ok(client.post(f"/datasets/{id_}/rows", **form(part)))
        assert figures(fit(client, dataset_id=id_, target="y", features=["a", "b", "c"])) == whole


def test_decimals_are_fitted_as_they_were_written(client: httpx.Client) -> None:
    """0.1, 0.2 and 0.3 lie on a line as decimals, exactly; as doubles they do not."""
    rows: dict[str, Any] = {"X": [[1.0], [2.0], [3.0]], "y": [0.1, 0.2, 0.3]}

    decimal, double = fit(client, numbers="decimal", **rows), fit(client, **rows)

    assert (decimal["coef"], decimal["intercept"], decimal["metrics"]["sigma"]) == ([0.1], 0.0, 0.0)
    assert double["metrics"]["sigma"] > 0
    assert (decimal["numbers"], double["numbers"]) == ("decimal", "float64")


def test_what_does_not_exist_is_null_and_reasons_say_why(client: httpx.Client) -> None:
    """Two points have no residual degrees of freedom, a constant target no R²: null, never NaN."""
    two = fit(client, X=[[0.0], [1.0]], y=[1.0, 3.0])
    constant = fit(client, X=[[0.0], [1.0], [3.0]], y=[2.0, 2.0, 2.0])

    assert two["metrics"]["sigma"] is None
    assert all(row["std_error"] is None for row in two["inference"])
    assert constant["metrics"]["r2"] is None
    assert "r2" in constant["reasons"]
    assert "sigma" in two["reasons"]


def test_descent_ends_at_the_same_line(client: httpx.Client) -> None:
    """Enough epochs come to the least-squares fit; the model says how far it is from it, and by which rate it came."""
    job = ok(client.get(descent(client, 2000, learning_rate=0.1)), 200)
    model = ok(client.get(f"/models/{job['model_id']}"), 200)

    assert (model["method"], model["descent"]["epoch"], model["descent"]["stopped_early"]) == ("gradient_descent", 2000, False)
    assert model["descent"]["learning_rate"] == 0.1
    assert model["coef"] == pytest.approx([1.97], rel=1e-12)
    assert model["descent"]["distance_to_optimum"]["coef"] < 1e-12
    assert [row["term"] for row in model["inference"]] == ["intercept", "x"]


def test_a_descent_that_stopped_short_has_no_inference(client: httpx.Client) -> None:
    """Its standard errors would be those of another line: there are none, and `reasons` says so."""
    job = ok(client.get(descent(client, 3, learning_rate=0.1)), 200)
    model = ok(client.get(f"/models/{job['model_id']}"), 200)

    assert model["inference"] == []
    assert model["metrics"]["sigma"] is None
    assert "stopped short" in model["reasons"]["inference"]
    assert model["descent"]["distance_to_optimum"]["coef"] > 0.01


def test_defaults_are_filled_in_and_kept_in_the_options(client: httpx.Client) -> None:
    """An option that was left out is in the model's options all the same, a drawn `random_state` too."""
    id_ = dataset(client)
    batch = ok(client.get(descent(client, 5)), 200)["options"]
    drawn = ok(client.get(descent(client, 5, dataset_id=id_, target="price", batch_size=2)), 200)["options"]

    assert (batch["learning_rate"], batch["epochs"], batch["tol"], batch["on_divergence"]) == ("auto", 5, None, "error")
    assert (batch["batch_size"], batch["random_state"]) == (None, None)
    assert (drawn["batch_size"], type(drawn["random_state"])) == (2, int)
    assert (
        ok(client.post("/fit", json={"X": [[1.0], [2.0]], "y": [1.0, 2.0], "method": "gradient_descent"}), 202)["epochs"]
        == 1000
    )


def test_tol_stops_a_descent_and_the_model_says_where(client: httpx.Client) -> None:
    """It stops at the first epoch whose loss fell by less than `tol` times the one before; there are no epochs after."""
    url = descent(client, 10_000, learning_rate=0.1, tol=0.001)
    job = ok(client.get(url), 200)
    stop = job["epoch"]
    losses = [ok(client.get(f"{url}/epochs/{k}"), 200)["loss"] for k in range(stop + 1)]

    falls = [before - after < 0.001 * before for before, after in pairwise(losses)]
    assert falls.index(True) + 1 == stop == len(falls)
    reached = ok(client.get(f"/models/{job['model_id']}"), 200)["descent"]
    assert (reached["epoch"], reached["stopped_early"]) == (stop, True)
    refused(client.get(f"{url}/epochs/{stop + 1}"), 404, "no-such-epoch")


@pytest.mark.parametrize("source", ["inline", "data set"])
def test_mini_batches_are_drawn_from_the_random_state(client: httpx.Client, source: str) -> None:
    """The same `random_state` gives the same bits, another one other bits; inline rows as those of a data set."""
    id_ = dataset(client, ROWS)
    X = [list(row) for row in zip(ROWS["a"], ROWS["c"], strict=True)]
    inline: dict[str, Any] = {"X": X, "y": ROWS["y"], "feature_names": ["a", "c"]}
    by_data_set: dict[str, Any] = {"dataset_id": id_, "target": "y", "features": ["a", "c"]}
    rows = inline if source == "inline" else by_data_set
    options: dict[str, Any] = {"method": "gradient_descent", "batch_size": 7, "epochs": 20, "learning_rate": 0.01}

    one, two, other = (fit(client, **rows, **options, random_state=seed) for seed in (1, 1, 2))
    reference = fit(client, **inline, **options, random_state=1)

    assert one["coef"] == two["coef"] == reference["coef"] != other["coef"]
    assert one["metrics"] == two["metrics"]


def test_a_rate_that_diverges_is_refused_with_the_largest_that_does_not(client: httpx.Client) -> None:
    """Known before the first step: 422, no job, and the rate it names works while one above it does not."""
    body: dict[str, Any] = {"X": [[x] for x in LINE["x"]], "y": LINE["price"], "method": "gradient_descent"}
    newest = ok(client.get("/jobs", params={"limit": 1}), 200)

    problem = refused(client.post("/fit", json=body | {"learning_rate": 5.0}), 422, "diverges")

    limit = problem["largest_stable"]
    assert repr(limit) in problem["detail"]
    assert pointers(problem) == ["/learning_rate"]
    assert ok(client.get("/jobs", params={"limit": 1}), 200) == newest
    refused(client.post("/fit", json=body | {"learning_rate": limit * 1.001}), 422, "diverges")
    stable = fit(client, **body, learning_rate=limit * 0.999)
    assert stable["descent"]["largest_stable_learning_rate"] == limit


def test_more_than_24_features_are_solved_in_a_process_of_their_own(client: httpx.Client) -> None:
    """Wide fits leave the server free; by either method they give what narrow ones do, and numpy's to its own error."""
    rng = np.random.default_rng(5)
    X, noise = rng.normal(size=(60, 30)), rng.normal(size=60)
    y = X @ np.arange(30.0) + noise
    rows: dict[str, Any] = {"X": X.tolist(), "y": y.tolist()}

    model = fit(client, **rows)
    reached = fit(client, **rows, method="gradient_descent", epochs=100_000)

    expected = np.linalg.lstsq(np.column_stack([np.ones(60), X]), y, rcond=None)[0]
    assert [model["intercept"], *model["coef"]] == pytest.approx(expected.tolist(), rel=1e-9)
    assert reached["coef"] == pytest.approx(model["coef"], rel=1e-9)
    wide = refused(client.post("/fit", json={"X": X[:20].tolist(), "y": y[:20].tolist()}), 422, "too-few-rows")
    assert (wide["n_samples"], wide["n_coef"]) == (20, 31)


def test_columns_that_were_not_summed_at_upload_are_read_with_progress(client: httpx.Client, small: httpx.Client) -> None:
    """Data wider than what is summed at upload is fitted through a pass over its rows, once; the stream says how far it is."""
    rng = np.random.default_rng(9)
    spread = rng.normal(size=(12_000, 10)) * 10.0 ** rng.uniform(
        -60, 60, size=(12_000, 10)
    )  # slow to sum: a third of a second
    plain = {f"plain{j}": [float(j)] * 12_000 for j in range(30)}
    rows: Columns = {f"c{j}": spread[:, j].tolist() for j in range(9)} | plain | {"y": spread[:, 9].tolist()}
    id_, summed_id = (ok(one.post("/datasets", **FORMS["arrow"](rows)))["id"] for one in (small, client))
    spec: dict[str, Any] = {"target": "y", "features": [f"c{j}" for j in range(9)]}

    with small.stream("POST", "/fit", json=spec | {"dataset_id": id_}, headers={"Accept": EVENT_STREAM}) as stream:
        found = list(events(stream.iter_lines()))
    again = small.post("/fit", json=spec | {"dataset_id": id_}, headers={"Accept": EVENT_STREAM})

    told = [event.data for event in found if event.name == "progress"]
    assert told
    assert all(0 < one["rows_read"] <= one["n_rows"] == 12_000 for one in told)
    assert [one["rows_read"] for one in told] == sorted(one["rows_read"] for one in told)
    assert found[-1].name == "done"
    assert figures(found[-1].data) == figures(fit(client, dataset_id=summed_id, **spec))
    assert [event.name for event in events(again.text.split("\n"))] == ["job", "done"]


def test_models_are_listed_newest_first_and_deleted(client: httpx.Client) -> None:
    """The registry: every model by its id, paged like every list; a deleted one is gone."""
    made = [fit(client, X=[[0.0], [1.0]], y=[0.0, 1.0])["id"] for _ in range(3)]

    page = client.get("/models", params={"limit": 2})
    assert [model["id"] for model in ok(page, 200)["items"]] == made[:0:-1]
    assert ok(client.get(page.links["next"]["url"]), 200)["items"][0]["id"] == made[0]
    assert client.delete(f"/models/{made[0]}").status_code == 204
    for call in (client.get, client.delete):
        refused(call(f"/models/{made[0]}"), 404, "not-found")
    refused(client.post("/predict", json={"model_id": made[0], "X": [[1.0]]}), 404, "not-found")
