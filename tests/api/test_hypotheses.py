"""`POST /models/{id}/test`: what other packages say of the same hypotheses, and what cannot be tested, by name."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import Columns, dataset, fit, ok, pointers, refused

RIGHT = 1e-9
# Brownlee (1965), the set "stackloss" of R and of statsmodels: loss, air flow, water temperature, acid; 3 days a week.
LOSS = [42, 37, 37, 28, 18, 18, 19, 20, 15, 14, 14, 13, 11, 12, 8, 7, 8, 8, 9, 15, 15]
AIR = [80, 80, 75, 62, 62, 62, 62, 62, 58, 58, 58, 58, 58, 58, 50, 50, 50, 50, 50, 56, 70]
WATER = [27, 27, 25, 24, 22, 23, 24, 24, 23, 18, 18, 17, 18, 19, 18, 18, 19, 19, 20, 20, 20]
ACID = [89, 88, 90, 87, 87, 87, 93, 93, 87, 80, 89, 88, 82, 93, 89, 86, 72, 79, 80, 82, 91]
STACK: Columns = {
    "loss": LOSS, "air": AIR, "water": WATER, "acid": ACID, "week": [f"w{i // 3}" for i in range(21)], "w": [1 + i % 4 for i in range(21)],
}  # fmt: skip
FEATURES = ["air", "water", "acid"]
ASKED = {"hypotheses": [{"terms": {"air": 1, "water": -1}}, {"terms": {"acid": 1.0}, "equals": 0.1}]}
FIGURES = ("estimate", "std_error", "t_value", "p_value", "ci_lower", "ci_upper")
EFFECTS = (-0.579645923903287, -0.1521225191486526)

# statsmodels 0.15.0: OLS(...).fit(cov_type=..., use_t=True), f_test((R, r)) and t_test((R, r)).
STATSMODELS: dict[str, tuple[dict[str, Any], tuple[float, int, int, float], list[list[float]]]] = {
    "classical": (
        {},
        (2.2519530973851896, 2, 17, 0.13564953152399525),
        [
            [
                EFFECTS[0],
                0.47607766105143906,
                -1.2175448909388285,
                0.24002812148526195,
                -1.5840819894480622,
                0.4247901416414883,
            ],
            [
                EFFECTS[1],
                0.15629404324862103,
                -1.6131294188070537,
                0.12512412281885438,
                -0.4818741263171472,
                0.177629088019842,
            ],
        ],
    ),
    "HC0": (
        {"cov_type": "HC0"},
        (4.336845474353761, 2, 17, 0.030072200283254694),
        [
            [
                EFFECTS[0],
                0.5901985177298554,
                -0.9821202637594584,
                0.33981232615732737,
                -1.8248559506238682,
                0.6655641028172943,
            ],
            [
                EFFECTS[1],
                0.08642947556960379,
                -2.9170895401952555,
                0.009608020787960327,
                -0.3344727730893666,
                0.03022773479206145,
            ],
        ],
    ),
    "HC3": (
        {"cov_type": "HC3"},
        (2.2164956397668414, 2, 17, 0.1395121848227776),
        [
            [
                EFFECTS[0],
                0.7820245228052624,
                -0.7412119530778817,
                0.46868106606632837,
                -2.2295734443654944,
                1.0702815965589205,
            ],
            [
                EFFECTS[1],
                0.12058022900430226,
                -2.090910933165145,
                0.05186360674449064,
                -0.40652456468063813,
                0.10227952638333293,
            ],
        ],
    ),
    "cluster": (
        {"cov_type": "cluster", "cluster": "week"},
        (2.4957375189503863, 2, 6, 0.16266189119232274),
        [
            [EFFECTS[0], 0.752294749191613, -0.7705037480670338, 0.4702425369943529, -2.420444861254384, 1.2611530134478102],
            [
                EFFECTS[1],
                0.1200365663747863,
                -2.100380965259024,
                0.08043530906077562,
                -0.44584141598186805,
                0.14159637768456285,
            ],
        ],
    ),
}


def on(client: httpx.Client, model: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ok(client.post(f"/models/{model}/test", json=body), 200)
    return answer


def stack(client: httpx.Client, **options: Any) -> str:
    id_: str = fit(client, dataset_id=dataset(client, STACK), **{"target": "loss", "features": FEATURES} | options)["id"]
    return id_


@pytest.mark.parametrize(("options", "joint", "each"), STATSMODELS.values(), ids=STATSMODELS)
def test_statistics_are_those_of_statsmodels(
    client: httpx.Client, options: dict[str, Any], joint: tuple[float, int, int, float], each: list[list[float]]
) -> None:
    """To 9 digits, under every covariance that a fit may have."""
    answer = on(client, stack(client, **options), **ASKED)

    said = [answer[name] for name in ("f_statistic", "df_num", "df_denom", "p_value")]
    assert said == pytest.approx(joint, rel=RIGHT)
    for one, expected in zip(answer["hypotheses"], each, strict=True):
        assert [one[name] for name in FIGURES] == pytest.approx(expected, rel=RIGHT)
    assert (answer["test"], answer["cov_type"], answer["reasons"]) == ("F", options.get("cov_type", "classical"), {})
    assert [one["terms"] for one in answer["hypotheses"]] == [{"air": 1.0, "water": -1.0}, {"acid": 1.0}]


def test_weighted_fits_are_tested_as_statsmodels_tests_them(client: httpx.Client) -> None:
    """WLS(...).fit().f_test((R, r)) of statsmodels 0.15.0."""
    answer = on(client, stack(client, weights="w"), **ASKED)

    assert answer["f_statistic"] == pytest.approx(1.8220973955483686, rel=RIGHT)
    assert answer["p_value"] == pytest.approx(0.19188157363564998, rel=RIGHT)


def test_terms_left_out_are_tested_as_r_tests_them(client: httpx.Client) -> None:
    """linearHypothesis(fit, c("hours=0", "prac_exams=0")) of R's car, as printed by statology.org/linearhypothesis-r."""
    columns: Columns = {
        "score": [77, 79, 84, 85, 88, 99, 95, 90, 92, 94],
        "hours": [1, 1, 2, 3, 2, 4, 4, 2, 3, 3],
        "prac_exams": [2, 4, 4, 2, 4, 5, 4, 3, 2, 1],
    }
    model = fit(client, dataset_id=dataset(client, columns), target="score")

    answer = on(client, model["id"], without=["hours", "prac_exams"])

    assert (f"{answer['f_statistic']:.3f}", f"{answer['p_value']:.4g}") == ("14.035", "0.003553")
    assert (answer["df_num"], answer["df_denom"]) == (2, 7)


def test_a_model_nested_in_another_is_the_test_of_the_terms_it_lacks(client: httpx.Client) -> None:
    """From either side, by id or alias; and of two that differ in their intercept alone."""
    id_ = dataset(client, STACK)
    full = fit(client, dataset_id=id_, target="loss", features=FEATURES)["id"]
    small = fit(client, dataset_id=id_, target="loss", features=["water"])["id"]
    through_0 = fit(client, dataset_id=id_, target="loss", features=FEATURES, fit_intercept=False)["id"]
    ok(client.put("/aliases/small-one", json={"model_id": small}))

    down, up = on(client, full, model_id="small-one"), on(client, small, model_id=full)

    assert down == up
    assert (down["model_id"], down["restricted_model_id"]) == (full, small)
    assert down["f_statistic"] == on(client, full, without=["acid", "air"])["f_statistic"]
    of_intercept = on(client, through_0, model_id=full)
    assert [one["terms"] for one in of_intercept["hypotheses"]] == [{"intercept": 1.0}]
    rows = ok(client.get(f"/models/{full}"), 200)["inference"]
    assert of_intercept["p_value"] == pytest.approx(rows[0]["p_value"], rel=1e-13)


def test_rows_in_the_call_are_the_same_if_their_sums_are(client: httpx.Client) -> None:
    """Two fits of the same rows are nested whoever kept them; of other rows they are not."""
    X, y = [[float(a), float(b)] for a, b in zip(AIR, WATER, strict=True)], list(map(float, LOSS))
    names = {"feature_names": ["a", "b"]}
    full = fit(client, X=X, y=y, **names)["id"]
    small = fit(client, X=[row[:1] for row in X], y=y, feature_names=["a"])["id"]
    other = fit(client, X=[row[:1] for row in X[:-1]], y=y[:-1], feature_names=["a"])["id"]

    assert on(client, full, model_id=small)["f_statistic"] == on(client, full, without=["b"])["f_statistic"]
    problem = refused(client.post(f"/models/{full}/test", json={"model_id": other}), 422, "not-comparable")
    assert (problem["differs"], pointers(problem)) == ("n_samples", ["/model_id"])


def test_a_column_of_categories_stands_for_all_its_terms(client: httpx.Client) -> None:
    """What R's anova says of a factor: is there any difference between its levels?"""
    model = fit(client, dataset_id=dataset(client, STACK), target="loss", features=["air", "week"], categorical="one_hot")
    terms = [term for term in model["terms"] if term.startswith("week=")]

    answer = on(client, model["id"], without=["week"])

    assert answer["df_num"] == len(terms) == 6
    assert answer["f_statistic"] == on(client, model["id"], without=terms)["f_statistic"]


def test_intervals_are_at_the_level_asked_for_or_that_of_the_model(client: httpx.Client) -> None:
    """What the model says of a coefficient is said here too, and more widely where that is asked for."""
    model = stack(client)
    own = ok(client.get(f"/models/{model}"), 200)["inference"][1]

    of_model, wide = on(client, model, without=["air"]), on(client, model, without=["air"], level=0.99)

    (one,) = of_model["hypotheses"]
    assert (of_model["level"], wide["level"]) == (0.95, 0.99)
    assert (one["ci_lower"], one["ci_upper"]) == pytest.approx((own["ci_lower"], own["ci_upper"]), rel=1e-13)
    assert wide["hypotheses"][0]["ci_upper"] > one["ci_upper"]


@pytest.mark.parametrize("cov_type", ["classical", "HC1"])
def test_many_columns_are_tested_in_a_worker(client: httpx.Client, cov_type: str) -> None:
    """As small ones are, to the last digit of what numpy can say."""
    rng = np.random.default_rng(2)
    X, noise = rng.normal(size=(120, 30)).round(3), rng.normal(size=120)
    y = (X[:, 0] + noise).round(3)
    names = [f"c{i}" for i in range(30)]
    columns: Columns = dict(zip([*names, "y"], [*X.T.tolist(), y.tolist()], strict=True))
    model = fit(client, dataset_id=dataset(client, columns), target="y", cov_type=cov_type)

    answer = on(client, model["id"], without=names[10:])

    A = np.column_stack([np.ones(120), X])
    inverse = np.linalg.inv(A.T @ A)
    beta = inverse @ A.T @ y
    e = y - A @ beta
    C = inverse * (e @ e) / 89 if cov_type == "classical" else inverse @ (A.T * e**2) @ A @ inverse * 120 / 89
    b = beta[11:]
    assert answer["f_statistic"] == pytest.approx(b @ np.linalg.solve(C[11:, 11:], b) / 20, rel=RIGHT)


BODIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "invalid-value", ""),
    "two forms": ({"without": ["air"], "model_id": "x"}, "invalid-value", "/model_id"),
    "no hypotheses": ({"hypotheses": []}, "invalid-fields", "/hypotheses"),
    "more than any fit has terms": ({"hypotheses": [{"terms": {"air": 1}}] * 2001}, "invalid-fields", "/hypotheses"),
    "an unknown term": ({"hypotheses": [{"terms": {"air": 1, "fire": 1}}]}, "invalid-value", "/hypotheses/0/terms"),
    "an unknown term left out": ({"without": ["air", "fire"]}, "invalid-value", "/without/1"),
    "a term left out twice": ({"without": ["air", "air"]}, "invalid-value", "/without/1"),
    "weights of 0": ({"hypotheses": [{"terms": {"air": 0}}]}, "invalid-value", "/hypotheses/0/terms"),
    "text for a weight": ({"hypotheses": [{"terms": {"air": "1"}}]}, "invalid-fields", "/hypotheses/0/terms/air"),
    "a hypothesis twice": (
        {"hypotheses": [{"terms": {"air": 1}}, {"terms": {"air": 2}}]}, "dependent-hypotheses", "/hypotheses/1"),
    "a contradiction": (
        {"hypotheses": [{"terms": {"air": 1}}, {"terms": {"air": 2}, "equals": 1}]}, "dependent-hypotheses", "/hypotheses/1"),
    "a level of 1": ({"without": ["air"], "level": 1}, "invalid-fields", "/level"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "slug", "pointer"), BODIES.values(), ids=BODIES)
def test_what_is_wrong_with_a_hypothesis_is_said_where_it_is(
    client: httpx.Client, body: dict[str, Any], slug: str, pointer: str
) -> None:
    """A pointer into what was sent."""
    assert pointers(refused(client.post(f"/models/{stack(client)}/test", json=body), 422, slug)) == [pointer]


MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "a penalised one": ({"l2": 0.1}, "penalised"),
    "a descent that stopped": ({"method": "gradient_descent", "epochs": 3}, "stopped short"),
    "one of least norm": ({"features": ["air", "twice"], "rank_deficient": "minimum_norm"}, "many coefficients fit as well"),
}


@pytest.mark.parametrize(("options", "why"), MODELS.values(), ids=MODELS)
def test_a_model_that_is_no_unique_least_squares_fit_cannot_be_tested(
    client: httpx.Client, options: dict[str, Any], why: str
) -> None:
    """Its coefficients have no standard errors; which, is said."""
    id_ = dataset(client, {**STACK, "twice": [2 * value for value in AIR]})
    spec = {"dataset_id": id_, "target": "loss", "features": ["air", "water"]} | options
    model = ok(client.post("/fit", json=spec, headers={"Prefer": "wait=30"}))

    problem = refused(client.post(f"/models/{model['id']}/test", json={"without": ["air"]}), 422, "not-testable")

    assert why in problem["why"]
    assert problem["errors"][0]["parameter"] == "model_id"


def test_a_dropped_term_cannot_be_tested_but_the_others_can(client: httpx.Client) -> None:
    """It has no coefficient; the message says that it was dropped."""
    id_ = dataset(client, {**STACK, "twice": [2 * value for value in AIR]})
    spec = {"dataset_id": id_, "target": "loss", "features": ["air", "twice", "water"], "rank_deficient": "drop"}
    model = fit(client, **spec)["id"]
    robust = fit(client, **spec, cov_type="HC3")["id"]
    plain = {"dataset_id": id_, "target": "loss", "features": ["air", "water"]}

    problem = refused(client.post(f"/models/{model}/test", json={"without": ["twice"]}), 422, "invalid-value")

    assert "dropped" in problem["detail"]
    asked = {"hypotheses": [{"terms": {"air": 1, "water": -1}}]}
    for of_dropped, options in ((model, {}), (robust, {"cov_type": "HC3"})):
        expected = on(client, fit(client, **plain, **options)["id"], **asked)["f_statistic"]
        assert on(client, of_dropped, **asked)["f_statistic"] == pytest.approx(expected, rel=1e-12)


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "other rows": ({"rows": [0, 20]}, "rows"),
    "weights": ({"weights": "w"}, "weights"),
    "another target": ({"target": "acid", "features": ["air"]}, "target"),
    "other terms": ({"features": ["air", "w"]}, "terms"),
    "the same terms": ({"features": FEATURES}, "terms"),
}


@pytest.mark.parametrize(("options", "differs"), OTHERS.values(), ids=OTHERS)
def test_models_that_are_not_nested_are_told_what_differs(client: httpx.Client, options: dict[str, Any], differs: str) -> None:
    """An F test of two fits needs the same rows, and the terms of one among those of the other."""
    id_ = dataset(client, STACK)
    model = fit(client, dataset_id=id_, target="loss", features=FEATURES)["id"]
    other = fit(client, dataset_id=id_, **{"target": "loss", "features": ["air"]} | options)["id"]

    problem = refused(client.post(f"/models/{model}/test", json={"model_id": other}), 422, "not-comparable")

    assert (problem["differs"], pointers(problem)) == (differs, ["/model_id"])


def test_rows_left_out_for_missing_cells_make_other_rows(client: httpx.Client) -> None:
    """A model that reads one column more may have dropped rows that the other has counted: R refuses that too."""
    rows = {**STACK, "gap": [None, *map(float, ACID[1:])]}
    id_ = ok(client.post("/datasets", json={"columns": rows}))["id"]
    full = fit(client, dataset_id=id_, target="loss", features=["air", "gap"], missing="drop")["id"]
    small = fit(client, dataset_id=id_, target="loss", features=["air"], missing="drop")["id"]

    problem = refused(client.post(f"/models/{full}/test", json={"model_id": small}), 422, "not-comparable")

    assert problem["differs"] == "n_samples"


def test_no_such_model_is_404(client: httpx.Client) -> None:
    """Neither the one in the address nor the one in the body."""
    refused(client.post("/models/mdl_0/test", json={"without": ["air"]}), 404, "not-found")
    refused(client.post(f"/models/{stack(client)}/test", json={"model_id": "mdl_0"}), 404, "not-found")
