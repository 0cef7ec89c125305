"""`GET /models/{id}/diagnostics`: what R and statsmodels say of the same rows, page by page or the largest, and what is null."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import Columns, as_arrow, dataset, fit, ok, refused
from tests.api.test_hypotheses import AIR, LOSS, STACK, WATER

RIGHT = 1e-9
STANDARDISED = ("std_residual", "studentized_residual", "cooks_distance")
# Henderson and Velleman (1981), the set "mtcars" of R: miles per gallon, and weight in 1000 lbs.
MPG = [
    21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4, 33.9, 21.5, 15.5,
    15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4,
]  # fmt: skip
WT = [
    2.620, 2.875, 2.320, 3.215, 3.440, 3.460, 3.570, 3.190, 3.150, 3.440, 3.440, 4.070, 3.730, 3.780, 5.250, 5.424, 5.345, 2.200, 1.615,
    1.835, 2.465, 3.520, 3.435, 3.840, 3.845, 1.935, 2.140, 1.513, 3.170, 2.770, 3.570, 2.780,
]  # fmt: skip
# Ezekiel (1930), the set "cars" of R: miles an hour, and feet to a stop.
SPEED = [
    4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 16, 16, 17, 17, 17, 18, 18, 18, 18,
    19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25,
]  # fmt: skip
DIST = [
    2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26, 54, 32, 40, 32, 40, 50, 42, 56, 76,
    84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85,
]  # fmt: skip


def of(client: httpx.Client, model_id: str, **params: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ok(client.get(f"/models/{model_id}/diagnostics", params=params), 200)
    return answer


def cars(client: httpx.Client, away: float = 0.0, **options: Any) -> str:
    """The id of a model of how far cars go until they stop."""
    made: str = fit(client, X=[[away + x] for x in SPEED], y=DIST, **options)["id"]
    return made


def test_rows_are_those_of_r(client: httpx.Client) -> None:
    """augment(lm(mpg ~ wt, mtcars)) of R's broom, its first six rows as blog.csdn.net/qq_41518277/article/details/80189381 prints them."""
    printed = [
        # .fitted, .resid, .hat, .cooksd, .std.resid
        (23.28261, -2.2826106, 0.04326896, 1.327407e-02, -0.76616765),
        (21.91977, -0.9197704, 0.03519677, 1.723963e-03, -0.30743051),
        (24.88595, -2.0859521, 0.05837573, 1.543937e-02, -0.70575249),
        (20.10265, 1.2973499, 0.03125017, 3.020558e-03, 0.43275114),
        (18.90014, -0.2001440, 0.03292182, 7.599578e-05, -0.06681879),
        (18.79325, -0.6932545, 0.03323551, 9.210650e-04, -0.23148309),
    ]
    sigma_without = [3.067494, 3.093068, 3.072127, 3.088268, 3.097722, 3.095184]  # .sigma
    model = fit(client, X=[[x] for x in WT], y=MPG, numbers="decimal")
    found = of(client, model["id"], limit=6)
    assert [row["row"] for row in found["items"]] == [0, 1, 2, 3, 4, 5]
    for row, expected, sigma in zip(found["items"], printed, sigma_without, strict=True):
        said = [row[name] for name in ("fitted", "residual", "leverage", "cooks_distance", "std_residual")]
        assert said == pytest.approx(expected, rel=5e-7)
        assert row["studentized_residual"] == pytest.approx(row["std_residual"] * model["metrics"]["sigma"] / sigma, rel=2e-7)
    assert (found["model_id"], found["n_samples"], found["next"], found["reasons"]) == (model["id"], 32, 5, {})


@pytest.mark.parametrize("away", [0.0, 1e6])
def test_the_summary_is_that_of_r(client: httpx.Client, away: float) -> None:
    """summary(lm(dist ~ speed, cars)) as R's own manual has it, and lmtest's bptest as r-statistics.co does; 1e6 from 0 too."""
    summary = of(client, cars(client, away))["summary"]
    assert summary["residual"] == pytest.approx(
        {"min": -29.069, "q1": -9.525, "median": -2.272, "q3": 9.215, "max": 43.201}, abs=5e-4
    )
    assert summary["breusch_pagan"]["lm"] == pytest.approx(3.2149, abs=5e-5)
    assert summary["breusch_pagan"]["lm_p_value"] == pytest.approx(0.07297, abs=5e-6)
    assert summary["vif"] == pytest.approx({"x": 1.0}, rel=1e-15)


def test_far_from_zero_nothing_is_lost(client: httpx.Client) -> None:
    """Speeds that all have a million more say the same of every row, to 12 digits, where statsmodels keeps 6."""
    near, far = (of(client, cars(client, away)) for away in (0.0, 1e6))
    for one, other in zip(near["items"], far["items"], strict=True):
        assert other == pytest.approx(one, rel=1e-12)
    for name in ("durbin_watson", "press", "r2_pred", "mae", "max_leverage", "rmse_loo"):
        assert far["summary"][name] == pytest.approx(near["summary"][name], rel=1e-13)


# statsmodels 0.15.0, of the first and the last row: resid, and of get_influence() hat_matrix_diag, resid_studentized_internal,
# resid_studentized_external, cooks_distance; durbin_watson and jarque_bera of wresid. With weights w the influence is that of
# OLS on rows times the root of w, which is R's of a weighted lm.
STATSMODELS: dict[str, tuple[dict[str, Any], list[list[float]], float, list[float]]] = {
    "unweighted": (
        {},
        [
            [3.2346372270398973, 0.3015554689363339, 1.1933392878675009, 1.209474673917455, 0.15371037236819793],
            [-7.2377128590899495, 0.2845334627253473, -2.638219981163835, -3.3304933193280672, 0.6919999163395204],
        ],
        1.485131034341335,
        [0.14024057278018381, 0.9322816723642544, -0.19283352460130096, 3.1074051557401594],
    ),
    "weighted": (
        {"weights": "w"},
        [
            [2.3063903082757733, 0.15528957952721079, 0.5370896013979065, 0.525531275688179, 0.013257693030422294],
            [-8.832320856143383, 0.13953989780398166, -2.0378740266949054, -2.274234741050435, 0.16836908035321874],
        ],
        1.4701323039750416,
        [2.5779707240088476, 0.2755502250275775, 0.7234922049760283, 3.9233029694340913],
    ),
}


@pytest.mark.parametrize(("options", "rows", "durbin_watson", "jarque_bera"), STATSMODELS.values(), ids=STATSMODELS)
def test_figures_are_those_of_statsmodels(
    client: httpx.Client, options: dict[str, Any], rows: list[list[float]], durbin_watson: float, jarque_bera: list[float]
) -> None:
    """To 9 digits."""
    spec = {"dataset_id": dataset(client, STACK), "target": "loss", "features": ["air", "water", "acid"]}
    found = of(client, fit(client, **spec, **options)["id"])
    for row, expected in zip((found["items"][0], found["items"][20]), rows, strict=True):
        assert [row[name] for name in ("residual", "leverage", *STANDARDISED)] == pytest.approx(expected, rel=RIGHT)
    summary = found["summary"]
    assert summary["durbin_watson"] == pytest.approx(durbin_watson, rel=RIGHT)
    normal = summary["jarque_bera"]
    assert [normal[name] for name in ("statistic", "p_value", "skew", "kurtosis")] == pytest.approx(jarque_bera, rel=RIGHT)
    assert (summary["breusch_pagan"] is None) == ("breusch_pagan" in found["reasons"]) == ("weights" in options)


def test_all_rows_say_what_statsmodels_says_of_them(client: httpx.Client) -> None:
    """het_breuschpagan, variance_inflation_factor, resid_press and numpy's quantile of statsmodels 0.15.0."""
    spec = {"dataset_id": dataset(client, STACK), "target": "loss", "features": ["air", "water", "acid"]}
    model = fit(client, **spec)
    summary = of(client, model["id"])["summary"]
    even = [4.8903677439753, 0.1800032435149023, 1.7202182794807683, 0.2007070419934311]
    assert [summary["breusch_pagan"][name] for name in ("lm", "lm_p_value", "f", "f_p_value")] == pytest.approx(
        even, rel=RIGHT
    )
    vif = {"air": 2.9064836274305046, "water": 2.572632380318171, "acid": 1.3335874620976482}
    assert summary["vif"] == pytest.approx(vif, rel=RIGHT)
    quartiles = [-7.2377128590899495, -1.7116535805794229, -0.45509295477951106, 2.361418361095587, 5.697774170643434]
    assert list(summary["residual"].values()) == pytest.approx(quartiles, rel=RIGHT)
    press = 291.86893172969184
    assert summary["press"] == pytest.approx(press, rel=RIGHT)
    assert summary["rmse_loo"] == pytest.approx((press / 21) ** 0.5, rel=RIGHT)
    assert summary["r2_pred"] == pytest.approx(1 - press / float(np.sum((np.array(LOSS) - np.mean(LOSS)) ** 2)), rel=RIGHT)
    assert summary["mae"] == pytest.approx(model["metrics"]["mae"], rel=1e-15)


def test_repeated_rows_say_what_all_of_them_would(client: httpx.Client) -> None:
    """A frequency of 3 is three rows: each has these figures, and all together these; only the order is not known."""
    times = [1 + i % 3 for i in range(50)]
    again: Columns = {
        name: [value for value, n in zip(values, times, strict=True) for _ in range(n)]
        for name, values in {"x": SPEED, "y": DIST}.items()
    }
    short = dataset(client, {"x": SPEED, "y": DIST, "n": times})
    found = of(client, fit(client, dataset_id=short, target="y", features=["x"], weights="n", weight_type="frequency")["id"])
    expected = of(client, fit(client, dataset_id=dataset(client, again), target="y")["id"], limit=1000)
    firsts = np.cumsum([0, *times[:-1]]).tolist()
    for row, first in zip(found["items"], firsts, strict=True):
        assert row | {"row": first} == pytest.approx(expected["items"][first], rel=1e-13)
    assert found["reasons"].keys() == {"durbin_watson"}
    for name in ("residual", "jarque_bera", "breusch_pagan", "vif"):
        assert found["summary"][name] == pytest.approx(expected["summary"][name], rel=1e-13)
    for name in ("mae", "press", "rmse_loo", "r2_pred", "max_leverage"):
        assert found["summary"][name] == pytest.approx(expected["summary"][name], rel=1e-13)


def test_rows_come_in_pages_that_skip_what_the_fit_does_not_count(client: httpx.Client) -> None:
    """Numbers are those of the data set; rows of weight 0, with a missing cell, or outside the range are not there."""
    x, y, w = [float(i) for i in range(20)], [i**2 / 8 for i in range(20)], [float(i % 5) for i in range(20)]
    body = {"columns": {"x": [None if i == 8 else value for i, value in enumerate(x)], "y": y, "w": w}}
    id_ = ok(client.post("/datasets", json=body))["id"]
    spec = {"dataset_id": id_, "target": "y", "features": ["x"], "weights": "w", "missing": "drop", "rows": [3, 18]}
    url = f"/models/{fit(client, **spec)['id']}/diagnostics"
    counted = [i for i in range(3, 18) if i % 5 and i != 8]
    whole = ok(client.get(url), 200)
    assert [row["row"] for row in whole["items"]] == counted
    assert [row["observed"] for row in whole["items"]] == [y[i] for i in counted]
    pages, at = [], f"{url}?limit=4&summary=false"
    while at:
        answer = client.get(at)
        page = ok(answer, 200)
        pages.append(page["items"])
        assert page["summary"] is None
        at = answer.links["next"]["url"] if "next" in answer.links else ""
        assert (page["next"] is None) == (not at)
    assert [len(page) for page in pages] == [4, 4, 3]
    assert [row for page in pages for row in page] == whole["items"]
    assert ok(client.get(url, params={"after": 17}), 200)["items"] == []
    assert ok(client.get(url, params={"after": 10**18}), 200)["items"] == []


@pytest.mark.parametrize("by", ["residual", "leverage", *STANDARDISED])
def test_the_largest_are_those_of_all_rows(client: httpx.Client, by: str) -> None:
    """By size whatever the sign, the largest first; of equal ones the first row."""
    n = 5000
    rng = np.random.default_rng(7)
    x = rng.integers(0, 9, size=n).astype(float)
    sent = as_arrow({"x": x.tolist(), "y": (x + rng.normal(size=n)).round(2).tolist()})
    id_ = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))["id"]
    model = fit(client, dataset_id=id_, target="y")["id"]
    rows: list[dict[str, Any]] = []
    after: int | None = None
    while len(rows) < n:
        page = of(client, model, limit=1000, summary=False, **({} if after is None else {"after": after}))
        rows, after = rows + page["items"], page["next"]
    expected = sorted(rows, key=lambda row: (-abs(row[by]), row["row"]))
    for top in (20, 1000):
        found = of(client, model, top=top, by=by)
        assert found["items"] == expected[:top]
        assert found["next"] is None


def test_by_default_the_largest_is_by_cooks_distance(client: httpx.Client) -> None:
    """Of cars in R: plot(lm(dist ~ speed)) names rows 49, 23 and 39, counted from 1."""
    assert [row["row"] for row in of(client, cars(client), top=3)["items"]] == [48, 22, 38]


def test_a_row_of_leverage_1_is_named(client: httpx.Client) -> None:
    """Its residual is 0 whatever it was: no figure is measured by it, and without it nothing can be predicted there."""
    model = fit(client, X=[[float(i), float(i == 6)] for i in range(9)], y=[float(i * i) for i in range(9)])
    found = of(client, model["id"])
    row = found["items"][6]
    assert (row["leverage"], row["residual"]) == (1.0, pytest.approx(0.0, abs=1e-12))
    assert [row[name] for name in STANDARDISED] == [None] * 3
    summary = found["summary"]
    assert [summary[name] for name in ("press", "rmse_loo", "r2_pred")] == [None] * 3
    assert found["reasons"].keys() == {*STANDARDISED, "press", "rmse_loo", "r2_pred"}
    assert all("row 6 " in why for why in found["reasons"].values())
    assert 6 not in [row["row"] for row in of(client, model["id"], top=9)["items"]]


NULL: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "a penalised model": (
        {"l2": 0.1},
        {*STANDARDISED, "leverage", "max_leverage", "press", "rmse_loo", "r2_pred", "breusch_pagan"}, "penalised"),
    "a descent that stopped": (
        {"method": "gradient_descent", "epochs": 3},
        {*STANDARDISED, "press", "rmse_loo", "r2_pred", "breusch_pagan"}, "stopped short"),
    "one of least norm": (
        {"features": ["air", "twice"], "rank_deficient": "minimum_norm"},
        {*STANDARDISED, "leverage", "max_leverage", "press", "rmse_loo", "r2_pred", "breusch_pagan", "vif"}, "dependent"),
    "a term that was dropped": ({"features": ["air", "twice"], "rank_deficient": "drop"}, {"vif"}, "dropped"),
    "no intercept": ({"fit_intercept": False}, {"breusch_pagan"}, "without an intercept"),
    "no columns that vary": ({"features": ["one"], "rank_deficient": "drop"}, {"breusch_pagan", "vif"}, ""),
    "as many rows as coefficients": ({"rows": [1, 4]}, {*STANDARDISED, "press", "rmse_loo", "r2_pred", "breusch_pagan", "jarque_bera", "durbin_watson"}, ""),
    "a row more": ({"features": ["air"], "rows": [1, 4]}, {"studentized_residual"}, "one degree"),
    "an exact fit": ({"target": "sum"}, {*STANDARDISED, "durbin_watson", "breusch_pagan", "jarque_bera"}, "exact"),
    "a constant target": (
        {"target": "one"}, {*STANDARDISED, "durbin_watson", "breusch_pagan", "jarque_bera", "r2_pred"}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("options", "names", "why"), NULL.values(), ids=NULL)
def test_what_does_not_exist_is_null_with_the_reason(
    client: httpx.Client, options: dict[str, Any], names: set[str], why: str
) -> None:
    """What is null has a reason by its name, and what has one is null, here or in some rows; all others are numbers."""
    columns: Columns = {
        **STACK,
        "twice": [2 * x for x in AIR],
        "one": [1.0] * 21,
        "sum": [x + z for x, z in zip(AIR, WATER, strict=True)],
    }
    spec = {"dataset_id": dataset(client, columns), "target": "loss", "features": ["air", "water"]} | options
    model = fit(client, **spec)
    found = of(client, model["id"])
    assert found["reasons"].keys() == names
    assert all(why in reason for reason in found["reasons"].values())
    rows, summary = found["items"], found["summary"]
    lacking = {name for row in rows for name, value in row.items() if value is None}
    lacking |= {name for name, value in summary.items() if value is None}
    lacking |= {"vif"} if summary["vif"] is not None and None in summary["vif"].values() else set()
    assert lacking == names
    assert [row["residual"] for row in rows] == pytest.approx([row["observed"] - row["fitted"] for row in rows], abs=1e-12)
    if model["method"] == "gradient_descent":
        assert np.mean(np.square([row["residual"] for row in rows])) == pytest.approx(model["metrics"]["mse"], rel=1e-12)


def test_what_a_fit_of_many_rows_left_out_is_here(client: httpx.Client) -> None:
    """Its mean absolute error takes the rows, and is null in the model."""
    x = np.arange(2_200_000) % 7
    sent = as_arrow({"x": x.astype(float).tolist(), "y": (x + np.arange(len(x)) % 3 - 1.0).tolist()})
    id_ = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))["id"]
    model = fit(client, dataset_id=id_, target="y")
    assert "diagnostics" in model["reasons"]["mae"]
    assert of(client, model["id"], limit=1)["summary"]["mae"] == pytest.approx(2 / 3, rel=1e-6)


def test_an_alias_stands_for_its_model(client: httpx.Client) -> None:
    """The answer says which that is."""
    id_ = cars(client)
    ok(client.put("/aliases/stopping", json={"model_id": id_}))
    assert of(client, "stopping", limit=1) == of(client, id_, limit=1)


def test_a_model_of_moments_has_no_rows(client: httpx.Client) -> None:
    """409: what can be known without them is in the model."""
    moments = ok(client.get(f"/datasets/{dataset(client, STACK)}/moments", params={"columns": ["air", "loss"]}), 200)
    id_ = ok(client.post("/datasets", json={"moments": moments}))["id"]
    model = fit(client, dataset_id=id_, target="loss")["id"]
    assert refused(client.get(f"/models/{model}/diagnostics"), 409, "no-rows")["dataset_id"] == id_


def test_rows_that_are_gone_say_nothing_more(client: httpx.Client) -> None:
    """What was said of them is not said again once they are taken away, their version's or their data set's."""
    columns: Columns = {"x": SPEED, "y": DIST}
    for take_away in ("rows?column=x&op=eq&value=4", ""):
        id_ = dataset(client, columns)
        model = fit(client, dataset_id=id_, target="y")["id"]
        url = f"/models/{model}/diagnostics"
        for params in ({}, {"top": 3}):
            ok(client.get(url, params=params), 200)
        assert client.delete(f"/datasets/{id_}/{take_away}".rstrip("/")).status_code in (200, 204)
        for params in ({}, {"top": 3}):
            refused(client.get(url, params=params), 404, "not-found")
    refused(client.get("/models/nobody/diagnostics"), 404, "not-found")


PARAMETERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "by without top": ({"by": "leverage"}, "invalid-value", "by"),
    "after with top": ({"top": 3, "after": 3}, "invalid-value", "after"),
    "no rows": ({"top": 0}, "invalid-parameter", "top"),
    "too many rows": ({"top": 1001}, "invalid-parameter", "top"),
    "by another figure": ({"top": 3, "by": "fitted"}, "invalid-parameter", "by"),
}


@pytest.mark.parametrize(("params", "slug", "name"), PARAMETERS.values(), ids=PARAMETERS)
def test_what_is_wrong_with_a_parameter_is_said_by_its_name(
    client: httpx.Client, params: dict[str, Any], slug: str, name: str
) -> None:
    """What would take no effect is refused, as what cannot be."""
    answer = client.get(f"/models/{cars(client)}/diagnostics", params=params)
    assert [error["parameter"] for error in refused(answer, 422, slug)["errors"]] == [name]
