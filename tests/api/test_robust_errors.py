"""Robust errors over requests: those of R's sandwich and of the formulas, of rows in any form; what cannot be is said."""

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from tests.api.made import as_arrow, dataset, fit, many_rows, ok, pointers, refused
from tests.solver.test_sandwich import EXPENDITURE, INCOME

Floats = NDArray[np.float64]
KINDS = ["HC0", "HC1", "HC2", "HC3", "cluster"]
RNG = np.random.default_rng(8)
N = 60
A, B = RNG.normal(size=(2, N)).round(3)
Y = (1 + 2 * A - B + RNG.normal(size=N) * (1 + A**2)).round(3)
W = RNG.integers(1, 5, size=N) / 2
TOWN = [f"town {i}" for i in RNG.integers(0, 9, size=N)]
ROWS: dict[str, Any] = {"a": A.tolist(), "b": B.tolist(), "y": Y.tolist(), "w": W.tolist(), "town": TOWN}
NUMBERED = {name: float(i) for i, name in enumerate(sorted(set(TOWN)))}
NUMBERS = [NUMBERED[town] for town in TOWN]


def covariance(kind: str, X: Floats, y: Floats, w: Floats, groups: list[str]) -> tuple[Floats, Floats, int]:
    """The coefficients, their covariance by the formula as it is written, and the degrees of freedom of t."""
    n, k = X.shape
    bread = np.linalg.inv(X.T * w @ X)
    coef = bread @ (X.T * w @ y)
    e = y - X @ coef
    h = w * np.einsum("ij,jk,ik->i", X, bread, X)
    scores = X * (w * e)[:, None]
    df = n - k
    if kind == "cluster":
        sums = np.array([scores[[one == town for one in groups]].sum(axis=0) for town in sorted(set(groups))])
        G = len(sums)
        return coef, bread @ (sums.T @ sums) @ bread * (G / (G - 1) * (n - 1) / (n - k)), G - 1
    scores /= ((1 - h) ** {"HC2": 0.5, "HC3": 1.0}.get(kind, 0.0))[:, None]
    return coef, bread @ (scores.T @ scores) @ bread * (n / (n - k) if kind == "HC1" else 1.0), df


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_that_of_the_formula(client: httpx.Client, kind: str, weights: str | None) -> None:
    """Errors, t, p and intervals of each coefficient, and the F test of all slopes, to 9 digits; not the coefficients."""
    clusters = {"cluster": "town"} if kind == "cluster" else {}
    spec = {"dataset_id": dataset(client, ROWS), "target": "y", "features": ["a", "b"], "weights": weights}
    plain, model = fit(client, **spec), fit(client, **spec, cov_type=kind, **clusters)

    X = np.column_stack([np.ones(N), A, B])
    coef, V, df = covariance(kind, X, Y, np.ones(N) if weights is None else W, TOWN)
    std_error = np.sqrt(V.diagonal())
    t, quantile = coef / std_error, special.stdtrit(df, 0.975)
    slopes = coef[1:] @ np.linalg.solve(V[1:, 1:], coef[1:]) / 2
    expected = {
        "std_error": std_error,
        "t_value": t,
        "p_value": 2 * special.stdtr(df, -np.abs(t)),
        "ci_lower": coef - quantile * std_error,
        "ci_upper": coef + quantile * std_error,
    }
    for name, values in expected.items():
        assert [row[name] for row in model["inference"]] == pytest.approx(values.tolist(), rel=1e-9)
    assert model["metrics"]["f_statistic"] == pytest.approx(slopes, rel=1e-9)
    assert model["metrics"]["f_p_value"] == pytest.approx(special.fdtrc(2, df, slopes), rel=1e-8)
    assert (model["options"]["cov_type"], model["options"]["cluster"]) == (kind, clusters.get("cluster"))
    assert model["n_clusters"] == (9 if kind == "cluster" else None)
    same = ("coef", "intercept", "rank")
    assert {name: plain[name] for name in same} == {name: model[name] for name in same}
    assert {name: plain["metrics"][name] for name in ("sigma", "r2", "mae", "df_resid")} == {
        name: model["metrics"][name] for name in ("sigma", "r2", "mae", "df_resid")
    }


def test_public_schools_in_the_call_have_the_errors_of_rs_sandwich(client: httpx.Client) -> None:
    """Zeileis, Journal of Statistical Software 11 (2004) 10: coeftest(fm, vcov = vcovHC(fm, type = "HC0")) and HC3."""
    X = [[income / 1e4] for income in INCOME]
    for kind, expected in {"HC0": [460.89, 1243.04, 829.99], "HC3": [1095.00, 2975.41, 1995.24]}.items():
        model = fit(client, X=X, y=EXPENDITURE, degree=2, cov_type=kind)
        assert [row["std_error"] for row in model["inference"]] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_the_call_and_of_a_data_set_have_the_same_bits(client: httpx.Client, kind: str) -> None:
    """Clusters by number or by name, in any order of the rows."""
    by_name = {"cluster": "town"} if kind == "cluster" else {}
    stored = fit(
        client, dataset_id=dataset(client, ROWS), target="y", features=["a", "b"], weights="w", cov_type=kind, **by_name
    )
    order = np.random.default_rng(2).permutation(N)
    X = np.column_stack([A, NUMBERS, B])[order].tolist()
    by_number = {"cluster": "town"} if kind == "cluster" else {}
    if kind != "cluster":
        X = [[row[0], row[2]] for row in X]
    names = ["a", "town", "b"] if kind == "cluster" else ["a", "b"]
    sent = fit(client, X=X, y=Y[order].tolist(), feature_names=names, weights=W[order].tolist(), cov_type=kind, **by_number)
    assert sent["feature_names"] == ["a", "b"]
    assert sent["inference"] == stored["inference"]
    assert sent["metrics"] == stored["metrics"]


def test_repeated_rows_count_as_often_as_they_were_seen(client: httpx.Client) -> None:
    """Frequencies give what the rows give, each sent so often: HC1 to HC3 too, whose n is the number of all."""
    times = (2 * W).astype(int)
    repeated = [i for i in range(N) for _ in range(times[i])]
    once = dataset(client, ROWS | {"w": times.astype(float).tolist()})
    each = dataset(client, {name: [values[i] for i in repeated] for name, values in ROWS.items()})
    for kind in KINDS:
        asked = {"target": "y", "features": ["a", "b"], "cov_type": kind} | ({"cluster": "town"} if kind == "cluster" else {})
        counted = fit(client, dataset_id=once, weights="w", weight_type="frequency", **asked)
        long = fit(client, dataset_id=each, **asked)
        for name in ("std_error", "ci_lower", "p_value"):
            assert [row[name] for row in counted["inference"]] == pytest.approx(
                [row[name] for row in long["inference"]], rel=1e-11
            )


def test_the_column_of_clusters_is_no_feature_unless_it_is_named(client: httpx.Client) -> None:
    """Features null are all other numeric ones; a year can be a feature and say which rows belong together."""
    id_ = dataset(client, {"x": A.tolist(), "y": Y.tolist(), "year": NUMBERS})
    assert fit(client, dataset_id=id_, target="y", cov_type="cluster", cluster="year")["feature_names"] == ["x"]
    both = fit(client, dataset_id=id_, target="y", features=["x", "year"], cov_type="cluster", cluster="year")
    assert both["n_clusters"] == 9


def test_a_model_in_memory_and_from_the_store_are_the_same(client: httpx.Client) -> None:
    """What is answered is what is kept."""
    made = fit(client, X=[[value] for value in A.tolist()], y=Y.tolist(), cov_type="HC3")
    assert ok(client.get(f"/models/{made['id']}"), 200) == made


def test_a_leverage_of_1_leaves_no_error_under_hc2_and_hc3(client: httpx.Client) -> None:
    """R answers NaN; here null, with the row. HC0 and HC1 exist."""
    X = [[a, float(i == 7)] for i, a in enumerate(A.tolist())]
    for kind in ("HC2", "HC3"):
        model = fit(client, X=X, y=Y.tolist(), cov_type=kind)
        assert [row["std_error"] for row in model["inference"]] == [None] * 3
        assert "row 7 " in model["reasons"]["std_error"]
        assert all("row 7 " in row["reason"] for row in model["inference"])
        assert model["metrics"]["f_statistic"] is None
        assert model["reasons"]["f_statistic"]
    assert all(row["std_error"] for row in fit(client, X=X, y=Y.tolist(), cov_type="HC1")["inference"])


def test_what_is_not_determined_has_no_robust_error(client: httpx.Client) -> None:
    """Of dependent columns the shortest coefficients have none; of those that are kept when others are dropped, all."""
    X = [[a, 2 * a, b] for a, b in zip(A.tolist(), B.tolist(), strict=True)]
    shortest = fit(client, X=X, y=Y.tolist(), cov_type="HC1", rank_deficient="minimum_norm")
    assert [row["std_error"] for row in shortest["inference"]] == [None] * 4
    assert "dependent" in shortest["reasons"]["std_error"]
    dropped = fit(client, X=X, y=Y.tolist(), cov_type="HC1", rank_deficient="drop")
    kept = fit(client, X=[[row[0], row[2]] for row in X], y=Y.tolist(), cov_type="HC1")
    assert dropped["inference"][2]["std_error"] is None
    del dropped["inference"][2]
    assert [row["std_error"] for row in dropped["inference"]] == [row["std_error"] for row in kept["inference"]]


def test_too_few_clusters_for_the_f_test_leave_the_errors(client: httpx.Client) -> None:
    """Two clusters test one coefficient, not two at once."""
    model = fit(client, X=np.column_stack([A, B, np.arange(N) % 2]).tolist(), y=Y.tolist(), feature_names=["a", "b", "half"],
                cov_type="cluster", cluster="half")  # fmt: skip
    assert all(row["p_value"] is not None for row in model["inference"])
    assert model["metrics"]["f_statistic"] is None
    assert "too few clusters" in model["reasons"]["f_statistic"]


def test_an_exact_fit_has_robust_errors_of_0(client: httpx.Client) -> None:
    """There is no noise whose kind could matter."""
    model = fit(client, X=[[1.0], [2.0], [3.0], [4.0]], y=[2.0, 4.0, 6.0, 8.0], cov_type="HC3")
    assert [row["std_error"] for row in model["inference"]] == [0.0, 0.0]
    assert model["metrics"]["mae"] == 0.0


def test_a_cell_of_the_column_of_clusters_must_not_be_missing(client: httpx.Client) -> None:
    """Named by its row, also where rows with missing cells are dropped: which cluster it was in nobody knows."""
    gap: list[Any] = [None if i == 5 else town for i, town in enumerate(TOWN)]
    id_ = dataset(client, ROWS | {"town": gap})
    body = {"dataset_id": id_, "target": "y", "features": ["a"], "cov_type": "cluster", "cluster": "town"}
    for missing in ("error", "drop"):
        problem = refused(client.post("/fit", json=body | {"missing": missing}), 422, "missing-value")
        assert (problem["row"], problem["column"], pointers(problem)) == (5, "town", ["/cluster"])
    assert fit(client, **body | {"rows": [6, N]})["n_clusters"] == 9
    inline = {"X": [[1.0, 1.0], [2.0, 2.0], [4.0, None], [5.0, 1.0]], "y": [1.0, 2.0, 3.0, 5.0], "cov_type": "cluster"}
    problem = refused(client.post("/fit", json=inline | {"cluster": "x2"}), 422, "missing-value")
    assert pointers(problem) == ["/X/2/1"]


INLINE: dict[str, Any] = {"X": [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [4.0, 2.0]], "y": [0.0, 1.0, 2.5, 4.0]}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown kind": ({"cov_type": "HC4"}, "invalid-fields", "/cov_type"),
    "clusters that are not named": ({"cov_type": "cluster"}, "invalid-value", "/cluster"),
    "clusters that are not used": ({"cluster": "x2"}, "invalid-value", "/cluster"),
    "clusters beside HC1": ({"cov_type": "HC1", "cluster": "x2"}, "invalid-value", "/cluster"),
    "an unknown column": ({"cov_type": "cluster", "cluster": "town"}, "invalid-value", "/cluster"),
    "the target": ({"cov_type": "cluster", "cluster": "y"}, "invalid-value", "/cluster"),
    "a penalty": ({"cov_type": "HC1", "l2": 1.0}, "invalid-value", "/cov_type"),
    "a descent": ({"cov_type": "HC1", "method": "gradient_descent"}, "option-not-used", "/cov_type"),
    "one cluster": ({"X": [[0.0, 1.0], [1.0, 1.0], [3.0, 1.0], [2.0, 1.0]], "cov_type": "cluster", "cluster": "x2"},
                    "too-few-clusters", "/cluster"),
    "no other column": ({"X": [[0.0], [1.0], [2.0], [4.0]], "cov_type": "cluster", "cluster": "x"}, "invalid-value", "/X"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "slug", "pointer"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_said_where_it_is(client: httpx.Client, body: dict[str, Any], slug: str, pointer: str) -> None:
    """Nothing that was asked for is ignored."""
    assert pointers(refused(client.post("/fit", json=INLINE | body), 422, slug)) == [pointer]


def test_of_a_data_set_the_column_must_be_there_and_not_be_the_target(client: httpx.Client) -> None:
    """As for weights."""
    body = {"dataset_id": dataset(client, ROWS), "target": "y", "features": ["a"], "cov_type": "cluster"}
    assert pointers(refused(client.post("/fit", json=body | {"cluster": "city"}), 422, "unknown-column")) == ["/cluster"]
    assert pointers(refused(client.post("/fit", json=body | {"cluster": "y"}), 422, "invalid-value")) == ["/cluster"]


def test_a_data_set_of_moments_has_no_rows_to_make_them_of(client: httpx.Client) -> None:
    """Said before there is a job."""
    moments = ok(client.get(f"/datasets/{dataset(client, {'x': A.tolist(), 'y': Y.tolist()})}/moments"), 200)
    id_ = ok(client.post("/datasets", json={"moments": moments}))["id"]
    refused(client.post("/fit", json={"dataset_id": id_, "target": "y", "cov_type": "HC1"}), 409, "no-rows")
    plain = fit(client, dataset_id=id_, target="y")
    assert (plain["metrics"]["mae"], plain["ranges"]) == (None, None)
    assert plain["reasons"]["mae"]


def test_more_clusters_than_their_sums_have_room_for_are_refused(client: httpx.Client) -> None:
    """Memory is bounded: a column that numbers the rows is not one of clusters."""
    n = (1 << 18) + 1
    rows = np.arange(float(n))
    sent = as_arrow({"x": (rows % 7).tolist(), "y": (rows % 11).tolist(), "row": rows.tolist()})
    id_ = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))["id"]
    body = {"dataset_id": id_, "target": "y", "features": ["x"], "cov_type": "cluster", "cluster": "row"}
    problem = refused(client.post("/fit", json=body, headers={"Prefer": "wait=60"}), 422, "too-many-clusters")
    assert problem["limit"] == n - 1
    assert fit(client, **body | {"cluster": "x"})["n_clusters"] == 7


def test_a_long_pass_is_a_job_that_says_how_far_it_is_and_can_be_cancelled(client: httpx.Client) -> None:
    """Rows read, of all; what is cancelled has no model."""
    body = {"dataset_id": many_rows(client, 300_000), "target": "y", "degree": 8, "cov_type": "HC3"}
    job = ok(client.post("/fit", json=body, headers={"Prefer": "wait=0"}), 202)
    assert client.delete(f"/jobs/{job['id']}").status_code == 202
    stopped = ok(client.get(f"/jobs/{job['id']}"), 200)
    assert (stopped["state"], stopped["model_id"]) == ("cancelled", None)

    with client.stream("POST", "/fit", json=body, headers={"Accept": "text/event-stream"}) as stream:
        told = [line for line in stream.iter_lines() if line.startswith("event: ")]
    assert told[0] == "event: job"
    assert "event: progress" in told
    assert told[-1] == "event: done"
