"""`POST /compare`: two models or data sets beside each other, as R and statsmodels compare them, and what cannot be compared."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import Columns, dataset, fit, ok, pointers, refused
from tests.solver.whiteside import AFTER, BEFORE

RIGHT = 1e-9
CITIES: Columns = {
    "x": [1.0, 2.0, 3.0, 4.0, 5.0, 7.0],
    "city": ["a", "b", "a", "b", "a", "b"],
    "y": [1.0, 3.0, 2.0, 5.0, 4.0, 6.5],
}
STATSMODELS = {
    "equal_slopes": [12.89287239581874, 0.000730685186260973],
    "equal_intercepts_given_equal_slopes": [260.08837094756194, 4.310904200781771e-22],
    "equal_lines": [165.6717330614613, 2.772025592189872e-23],
    "variance_ratio": [1.5908935808439282, 0.25143274649973196],  # mse_resid of the two, and scipy.stats.f
}
DIFFERENCES = [
    [
        -2.1299780308749083,
        0.18009171763310117,
        -11.827184830422288,
        2.315921073848483e-16,
        -2.4913585006814425,
        -1.7685975610683742,
    ],
    [
        0.11530387045923429,
        0.03211212484041225,
        3.5906646175630037,
        0.000730685186260933,
        0.05086617774447898,
        0.1797415631739896,
    ],
]


def comparison(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ok(client.post("/compare", json=body), 200)
    return answer


def gas(client: httpx.Client, columns: Columns, **options: Any) -> str:
    id_: str = fit(client, dataset_id=dataset(client, columns), target="Gas", **options)["id"]
    return id_


def test_a_house_before_and_after_it_was_insulated(client: httpx.Client) -> None:
    """R 4, example(whiteside, package = "MASS"): 12.893 on 1 and 52, p 0.0007307; the lines cross far from any winter."""
    answer = comparison(client, models=[gas(client, BEFORE), gas(client, AFTER)])

    slopes = answer["equal_slopes"]
    assert (f"{slopes['f_statistic']:.3f}", slopes["df_num"], slopes["df_denom"]) == ("12.893", 1, 52)
    assert f"{slopes['p_value']:.4g}" == "0.0007307"
    assert [row["term"] for row in answer["differences"]] == ["intercept", "Temp"]
    assert [f"{row['estimate']:.5f}" for row in answer["differences"]] == ["-2.12998", "0.11530"]
    assert [f"{answer[side]['coef']['Temp']:.4f}" for side in ("first", "second")] == ["-0.3932", "-0.2779"]
    crossing = answer["crossing"]
    assert crossing["kind"] == "interval"
    assert 10.2 < crossing["lower"] < crossing["x"] < crossing["upper"]
    assert (answer["target"], answer["terms"], answer["warnings"], answer["reasons"]) == ("Gas", ["Temp"], [], {})


def test_statistics_are_those_of_statsmodels(client: httpx.Client) -> None:
    """OLS of the stacked rows with an indicator and its products, compare_f_test of statsmodels 0.15.0: to 9 digits."""
    answer = comparison(client, models=[gas(client, BEFORE), gas(client, AFTER)])

    said = {name: [answer[name][figure] for figure in ("f_statistic", "p_value")] for name in STATSMODELS}
    for name, expected in STATSMODELS.items():
        assert said[name] == pytest.approx(expected, rel=RIGHT)
    for row, figures in zip(answer["differences"], DIFFERENCES, strict=True):
        assert [
            row[name] for name in ("estimate", "std_error", "t_value", "p_value", "ci_lower", "ci_upper")
        ] == pytest.approx(figures, rel=RIGHT)


def test_two_data_sets_are_compared_as_their_models_are(client: httpx.Client) -> None:
    """From their sums, without a model; versions may be named."""
    ids = [dataset(client, columns) for columns in (BEFORE, AFTER)]
    models = [fit(client, dataset_id=id_, target="Gas")["id"] for id_ in ids]

    of_models = comparison(client, models=models)
    of_sets = comparison(client, datasets=[{"dataset_id": ids[0]}, {"dataset_id": ids[1], "version": 1}], target="Gas")

    for answer in (of_models, of_sets):
        for side in ("first", "second"):
            assert answer[side].pop("model_id") in (None, *models)
    assert of_models == of_sets


def test_an_alias_stands_for_a_model_and_turning_round_changes_signs(client: httpx.Client) -> None:
    """Second less first, whichever they are."""
    first, second = gas(client, BEFORE), gas(client, AFTER)
    ok(client.put("/aliases/insulated", json={"model_id": second}))

    there, back = comparison(client, models=[first, "insulated"]), comparison(client, models=["insulated", first])

    assert there["second"]["model_id"] == second
    assert [row["estimate"] for row in there["differences"]] == [-row["estimate"] for row in back["differences"]]
    assert there["equal_slopes"] == back["equal_slopes"]
    assert there["crossing"] == back["crossing"]


@pytest.mark.parametrize(
    "options", [{"degree": 2}, {"categorical": "one_hot", "interactions": True}, {"fit_intercept": False}], ids=str
)
def test_terms_are_compared_whatever_they_are_made_of(client: httpx.Client, options: dict[str, Any]) -> None:
    """Powers, categories and products; that of lines alone is where they cross."""
    other = {**CITIES, "y": [2.0, 1.0, 4.0, 3.5, 6.0, 5.0]}
    features = ["x", "city"] if "categorical" in options else ["x"]
    first, second = (
        fit(client, dataset_id=dataset(client, columns), target="y", features=features, **options)
        for columns in (CITIES, other)
    )

    answer = comparison(client, models=[first["id"], second["id"]])

    estimates = {row["term"]: row["estimate"] for row in answer["differences"]}
    assert list(estimates) == [*(["intercept"] if options.get("fit_intercept", True) else []), *first["terms"]]
    for term, a, b in zip(first["terms"], first["coef"], second["coef"], strict=True):
        assert estimates[term] == pytest.approx(b - a, rel=1e-12)
    assert answer["crossing"] is None
    assert "crossing" in answer["reasons"]


def test_a_single_category_is_no_line(client: httpx.Client) -> None:
    """An indicator is 0 or 1: nothing crosses in between."""
    other = {**CITIES, "y": [2.0, 1.0, 4.0, 3.5, 6.0, 5.0]}
    models = [
        fit(client, dataset_id=dataset(client, columns), target="y", features=["city"], categorical="one_hot")["id"]
        for columns in (CITIES, other)
    ]

    assert comparison(client, models=models)["crossing"] is None


def test_sums_are_all_it_takes(client: httpx.Client) -> None:
    """Data sets made of moments, as of sites that share no row, are compared as those of rows are."""
    of_rows, of_sums = [dataset(client, columns) for columns in (BEFORE, AFTER)], []
    for id_ in of_rows:
        moments = ok(client.get(f"/datasets/{id_}/moments"), 200)
        of_sums.append(ok(client.post("/datasets", json={"moments": moments}))["id"])

    answers = [comparison(client, datasets=[{"dataset_id": id_} for id_ in ids], target="Gas") for ids in (of_rows, of_sums)]

    for answer in answers:
        for side in ("first", "second"):
            del answer[side]["dataset_id"]
    assert answers[0] == answers[1]


def test_a_row_that_was_seen_twice_is_two_rows(client: httpx.Client) -> None:
    """Frequencies are compared as the rows sent as often; precision weights are not."""
    counts = [1 + i % 3 for i in range(30)]
    weighted = [{**of, "w": counts[: len(of["Gas"])]} for of in (BEFORE, AFTER)]
    repeated = [
        {name: [v for v, n in zip(values, counts, strict=False) for _ in range(n)] for name, values in of.items()}
        for of in (BEFORE, AFTER)
    ]

    def tests(sets: list[Any], **options: Any) -> list[Any]:
        answer = comparison(client, models=[gas(client, of, features=["Temp"], **options) for of in sets])
        return [answer[name] for name in (*STATSMODELS, "differences", "crossing")]

    assert tests(weighted, weights="w", weight_type="frequency") == tests(repeated)
    assert tests(weighted, weights="w") != tests(repeated)


def test_rows_that_are_in_both_are_warned_of(client: httpx.Client) -> None:
    """The tests take the two for independent: versions of one data set share rows, and so do overlapping ranges."""
    id_ = dataset(client, BEFORE)
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": AFTER}))
    spec = {"dataset_id": id_, "target": "Gas"}
    old, new = (fit(client, **spec, dataset_version=version)["id"] for version in (1, 2))
    head, tail, both = (fit(client, **spec, rows=rows)["id"] for rows in ([0, 26], [26, 56], [20, 56]))

    versions, ranges, apart = (
        comparison(client, models=pair)["warnings"] for pair in ([old, new], [head, both], [head, tail])
    )
    same = comparison(client, models=[old, head])

    assert ["share rows" in warning for warning in versions if "versions" in warning] == [True]
    assert ["overlap" in warning for warning in ranges if "rows of" in warning] == [True]
    assert apart == []
    assert "same rows" in same["warnings"][0]
    assert (same["equal_lines"]["f_statistic"], same["equal_lines"]["p_value"]) == (0.0, 1.0)


def test_variances_that_differ_are_warned_of(client: httpx.Client) -> None:
    """Pooling them is what all the other tests do."""
    rng = np.random.default_rng(3)
    x = list(range(40))
    models = [
        fit(client, X=[[float(value)] for value in x], y=(np.array(x) + rng.normal(size=40) * scale).tolist())["id"]
        for scale in (1.0, 5.0)
    ]

    answer = comparison(client, models=models)

    assert answer["variance_ratio"]["p_value"] < 0.05
    assert any("variances differ" in warning for warning in answer["warnings"])


def test_many_columns_are_compared_in_a_worker(client: httpx.Client) -> None:
    """Twice 16 coefficients, as numpy has them; and more than a service takes are refused by its limit."""
    rng = np.random.default_rng(4)
    blocks = [(rng.normal(size=(60, 15)).round(3), rng.normal(size=60).round(3)) for _ in range(2)]
    ids = [dataset(client, {**{f"c{i}": column for i, column in enumerate(X.T.tolist())}, "y": y.tolist()}) for X, y in blocks]

    answer = comparison(client, datasets=[{"dataset_id": id_} for id_ in ids], target="y")

    def rss(X: Any, y: Any) -> float:
        A = np.column_stack([np.ones(len(X)), X])
        return float(((y - A @ np.linalg.lstsq(A, y, rcond=None)[0]) ** 2).sum())

    separate = sum(rss(X, y) for X, y in blocks)
    one = rss(np.vstack([X for X, _ in blocks]), np.concatenate([y for _, y in blocks]))
    assert answer["equal_lines"]["f_statistic"] == pytest.approx((one - separate) / 16 / (separate / 88), rel=RIGHT)


def test_both_together_may_not_be_wider_than_a_fit(small: httpx.Client) -> None:
    """Half as many columns as a fit may have, in each."""
    rng = np.random.default_rng(5)
    columns: Columns = dict(
        zip([*(f"c{i}" for i in range(20)), "y"], rng.normal(size=(21, 30)).round(2).tolist(), strict=True)
    )
    other: Columns = {**columns, "y": rng.normal(size=30).round(2).tolist()}
    datasets = [{"dataset_id": dataset(small, one)} for one in (columns, other)]

    problem = refused(small.post("/compare", json={"datasets": datasets, "target": "y"}), 422, "over-limit")

    assert (problem["asked"], problem["limit"]) == (42, 40)


MODELS: dict[str, tuple[dict[str, Any], str, str]] = {
    "another target": ({"target": "Temp"}, "not-comparable", "target"),
    "another intercept": ({"fit_intercept": False}, "not-comparable", "fit_intercept"),
    "other terms": ({"degree": 2}, "not-comparable", "terms"),
    "a penalised one": ({"l2": 0.5}, "not-testable", ""),
}


@pytest.mark.parametrize(("options", "slug", "differs"), MODELS.values(), ids=MODELS)
def test_models_that_cannot_be_compared_are_told_why(
    client: httpx.Client, options: dict[str, Any], slug: str, differs: str
) -> None:
    """Both must be the least-squares fit of the same terms to the same target."""
    models = [gas(client, BEFORE), fit(client, **{"dataset_id": dataset(client, AFTER), "target": "Gas"} | options)["id"]]

    problem = refused(client.post("/compare", json={"models": models}), 422, slug)

    assert pointers(problem) == ["/models/1"]
    assert problem.get("differs", "") == differs


def test_readings_and_weights_must_be_the_same(client: httpx.Client) -> None:
    """A decimal is no double, and a row that counts twice is none that counts once."""
    plain = gas(client, BEFORE)
    decimal = fit(client, dataset_id=dataset(client, AFTER, numbers="decimal"), target="Gas")["id"]
    weighted = {**AFTER, "w": [1.0 + i % 2 for i in range(30)]}
    of_weights = fit(client, dataset_id=dataset(client, weighted), target="Gas", features=["Temp"], weights="w")["id"]

    for other, differs in ((decimal, "numbers"), (of_weights, "weights")):
        problem = refused(client.post("/compare", json={"models": [plain, other]}), 422, "not-comparable")
        assert problem["differs"] == differs


def test_a_category_that_only_one_has_seen_is_named(client: httpx.Client) -> None:
    """Of that the other knows nothing to compare."""
    other = {**CITIES, "city": ["a", "b", "c", "b", "a", "c"]}
    models = [
        fit(client, dataset_id=dataset(client, columns), target="y", categorical="one_hot")["id"]
        for columns in (CITIES, other)
    ]

    problem = refused(client.post("/compare", json={"models": models}), 422, "not-comparable")

    assert problem["differs"] == "categories"
    assert "city = 'c'" in problem["detail"]


def test_dropped_terms_are_not_compared(client: httpx.Client) -> None:
    """Which was dropped decides what the others mean."""
    twice = {**BEFORE, "twice": [2 * value for value in BEFORE["Temp"]]}
    models = [gas(client, AFTER), gas(client, twice, rank_deficient="drop")]

    problem = refused(client.post("/compare", json={"models": models}), 422, "not-testable")

    assert "dropped" in problem["why"]


BODIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "invalid-value", ""),
    "both": ({"models": ["A", "B"], "datasets": ["A", "B"], "target": "Gas"}, "invalid-value", "/datasets"),
    "one model": ({"models": ["A"]}, "invalid-fields", "/models"),
    "a model twice": ({"models": ["A", "A"]}, "invalid-value", "/models/1"),
    "models and a target": ({"models": ["A", "B"], "target": "Gas"}, "invalid-value", "/target"),
    "data sets without target": ({"datasets": ["A", "B"]}, "invalid-value", "/target"),
    "a data set twice": ({"datasets": ["A", "A"], "target": "Gas"}, "invalid-value", "/datasets/1"),
    "an unknown target": ({"datasets": ["A", "B"], "target": "gas"}, "not-comparable", "/target"),
    "an unknown feature": ({"datasets": ["A", "B"], "target": "Gas", "features": ["Temp", "x"]}, "not-comparable", "/features/1"),
    "no feature": ({"datasets": ["A", "B"], "target": "Gas", "features": []}, "invalid-value", "/features"),
    "the target as feature": ({"datasets": ["A", "B"], "target": "Gas", "features": ["Gas"]}, "invalid-value", "/features/0"),
    "other columns": ({"datasets": ["A", "more"], "target": "Gas"}, "not-comparable", "/features"),
    "a feature of text": ({"datasets": ["text", "text too"], "target": "Gas", "features": ["Temp"]}, "invalid-value", "/features/0"),
    "a target of text": ({"datasets": ["text", "text too"], "target": "Temp", "features": ["Gas"]}, "not-numeric", "/target"),
    "another reading": ({"datasets": ["A", "decimal"], "target": "Gas"}, "not-comparable", "/datasets/1"),
    "a missing cell": ({"datasets": ["A", "gap"], "target": "Gas"}, "missing-value", "/datasets/1"),
    "dependent columns": ({"datasets": ["more", "dependent"], "target": "Gas"}, "rank-deficient", "/datasets/1"),
    "too few rows": ({"datasets": ["A", "one"], "target": "Gas"}, "too-few-rows", "/datasets/1"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sent(client: httpx.Client) -> dict[str, dict[str, str]]:
    """Models and data sets by the names that the bodies above have for them."""
    temp = BEFORE["Temp"]
    columns: dict[str, dict[str, Any]] = {
        "A": BEFORE, "B": AFTER, "more": {**BEFORE, "z": [value**2 for value in temp]}, "dependent": {**BEFORE, "z": [2 * t for t in temp]},
        "gap": {**AFTER, "Temp": [None, *AFTER["Temp"][1:]]}, "one": {"Temp": [1.0], "Gas": [2.0]},
        "text": {**BEFORE, "Temp": list(map(str, temp))}, "text too": {**AFTER, "Temp": list(map(str, AFTER["Temp"]))},
    }  # fmt: skip
    datasets = {name: dataset(client, of) for name, of in columns.items()}
    datasets["decimal"] = dataset(client, AFTER, numbers="decimal")
    models = {name: fit(client, dataset_id=datasets[name], target="Gas")["id"] for name in ("A", "B")}
    return {"datasets": datasets, "models": models}


@pytest.mark.parametrize(("body", "slug", "pointer"), BODIES.values(), ids=BODIES)
def test_what_is_wrong_with_a_comparison_is_said_where_it_is(
    client: httpx.Client, sent: dict[str, dict[str, str]], body: dict[str, Any], slug: str, pointer: str
) -> None:
    """A pointer into what was sent, and which of the two it is about."""
    body = dict(body)
    if "models" in body:
        body["models"] = [sent["models"][name] for name in body["models"]]
    if "datasets" in body:
        body["datasets"] = [{"dataset_id": sent["datasets"][name]} for name in body["datasets"]]

    assert pointers(refused(client.post("/compare", json=body), 422, slug)) == [pointer]


def test_no_such_model_or_data_set_is_404(client: httpx.Client) -> None:
    """By its name."""
    refused(client.post("/compare", json={"models": ["mdl_0", "mdl_1"]}), 404, "not-found")
    datasets = [{"dataset_id": "ds_0"}, {"dataset_id": "ds_1"}]
    refused(client.post("/compare", json={"datasets": datasets, "target": "y"}), 404, "not-found")
