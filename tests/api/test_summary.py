"""`/models/{id}/summary`: the figures that R and statsmodels print, a page that nobody's names can break, and every note."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import httpx
import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.stattools import durbin_watson, jarque_bera

from tests.api import nist
from tests.api.made import Columns, dataset, fit, ok

# R's data set `cars` (Ezekiel 1930): speed in mph, distance to stop in ft.
CARS: Columns = {
    "speed": [4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 16, 16, 17, 17,
              17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25],
    "dist": [2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26, 54, 32, 40,
             32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85],
}  # fmt: skip
# summary(lm(dist ~ speed, cars)) as R prints it.
R_COEFFICIENTS = {
    "intercept": ["-17.5791", "6.7584", "-2.601", "0.0123"],
    "speed": ["3.9324", "0.4155", "9.464", "1.49e-12"],
}
R_QUALITY = {"R-squared": "0.6511", "Adj. R-squared": "0.6438", "F (1, 48)": "89.57", "Sigma": "15.38"}
R_RESIDUALS = ["-29.069", "-9.525", "-2.272", "9.215", "43.201"]


def summary(client: httpx.Client, model_id: str, **params: str) -> str:
    answer = client.get(f"/models/{model_id}/summary", params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def row(text: str, name: str) -> list[str]:
    """The figures in the line of a table that begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return line.removeprefix(name).split()


def beside(text: str, name: str) -> str:
    """The figure after a name, in either half of the table."""
    found = re.search(rf"(?:^|\s\s){re.escape(name)}\s\s+(\S+)", text, re.MULTILINE)
    assert found is not None, name
    return found[1]


def agrees(shown: str, published: str) -> bool:
    """To the digits of the one that has fewer."""
    one, other = Decimal(shown), Decimal(published)
    place = Decimal((0, (1,), max(int(one.as_tuple().exponent), int(other.as_tuple().exponent))))
    return abs(one - other) <= place / 2 * Decimal("1.1")


@pytest.fixture(scope="module")
def cars(client: httpx.Client) -> str:
    id_: str = fit(client, dataset_id=dataset(client, CARS), target="dist")["id"]
    return id_


def test_the_text_has_the_figures_that_r_prints(client: httpx.Client, cars: str) -> None:
    """A user of R finds each figure of summary.lm, to the digits that R prints."""
    text = summary(client, cars)

    for term, published in R_COEFFICIENTS.items():
        assert all(map(agrees, row(text, term), published)), term
    for name, figure in R_QUALITY.items():
        assert agrees(beside(text, name), figure), name
    residuals = text.splitlines()[text.splitlines().index("Residuals") + 2].split()
    assert all(map(agrees, residuals, R_RESIDUALS))
    assert beside(text, "Prob (F)") == "1.49e-12"
    assert max(map(len, text.splitlines())) <= 80


def test_the_text_of_longley_has_what_nist_certifies_and_statsmodels_prints(client: httpx.Client) -> None:
    """NIST's coefficients and errors, and statsmodels' figures of the whole, to all six digits."""
    data = nist.SETS["longley"]
    columns = {name: [float(value) for value in values] for name, values in nist.columns("longley").items()}
    text = summary(client, fit(client, dataset_id=dataset(client, columns), target="y")["id"])

    X = np.array([columns[name] for name in columns if name != "y"]).T
    peer = sm.OLS(columns["y"], sm.add_constant(X)).fit()
    jb, p, skew, kurtosis = jarque_bera(peer.resid)
    expected = {
        "R-squared": peer.rsquared, "Adj. R-squared": peer.rsquared_adj, "F (6, 9)": peer.fvalue, "Log-likelihood": peer.llf,
        "AIC": peer.aic, "BIC": peer.bic, "Durbin-Watson": durbin_watson(peer.resid), "Jarque-Bera": jb, "Skew": skew,
        "Kurtosis": kurtosis,
    }  # fmt: skip
    certified = {"intercept": data["coef"][0], **{f"x{j}": data["coef"][j] for j in range(1, 7)}}
    for j, (term, coef) in enumerate(certified.items()):
        shown = row(text, term)
        assert agrees(shown[0], f"{float(coef):#.12g}"), term
        assert agrees(shown[1], f"{float(data['se'][j]):#.12g}"), term
    for name, figure in expected.items():
        assert agrees(beside(text, name), f"{figure:#.12g}"), name
    assert float(beside(text, "Prob (JB)")) == pytest.approx(p, rel=5e-3)


def test_json_is_the_model_and_the_diagnostics_as_their_own_calls_have_them(client: httpx.Client, cars: str) -> None:
    """One object for a program that would make a table of its own."""
    found = ok(client.get(f"/models/{cars}/summary", params={"format": "json"}), 200)

    assert found["model"] == ok(client.get(f"/models/{cars}"), 200)
    assert found["diagnostics"] == ok(client.get(f"/models/{cars}/diagnostics"), 200)["summary"]
    assert (found["notes"], found["reasons"]) == ([], {})


def test_an_alias_stands_for_its_model(client: httpx.Client, cars: str) -> None:
    """The table says which model it is of."""
    client.put("/aliases/stopping-distance", json={"model_id": cars}).raise_for_status()

    assert beside(summary(client, "stopping-distance"), "Model") == cars


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_names_from_outside_are_text_in_the_page_and_nothing_else(client: httpx.Client) -> None:
    """Columns, targets and categories that are called as code is written are shown as they are, and run nothing."""
    names = ["<script>alert(1)</script>", "</td></table><img src=x onerror=alert(2)>", '" onload="alert(3)', "{{ 7 * 7 }}"]
    rng = np.random.default_rng(3)
    columns: dict[str, list[Any]] = {name: rng.normal(size=12).tolist() for name in names}
    columns |= {"<b>": ["<i>a</i>", "<i>b</i>", "c"] * 4, "<svg onload=alert(4)>": rng.normal(size=12).tolist()}
    made = fit(
        client, dataset_id=dataset(client, columns), target="<svg onload=alert(4)>", categorical="one_hot", cov_type="HC1"
    )

    answer = client.get(f"/models/{made['id']}/summary", params={"format": "html"})

    page = Page(answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not page.tags & {"script", "img", "svg", "b", "i", "link", "iframe"}
    assert page.attributes <= {"lang", "charset", "name", "content", "class", "scope"}
    for name in [*made["terms"], "<svg onload=alert(4)>", "<i>a</i>"]:
        assert name in page.text


def test_the_page_and_the_text_have_the_same_figures(client: httpx.Client, cars: str) -> None:
    """They are two forms of one table."""
    text, page = summary(client, cars), Page(summary(client, cars, format="html")).text

    assert set(text.split()) - {"-" * 72, "=" * 72, "-", "="} <= set(page.split())


def notes(client: httpx.Client, columns: Columns, target: str = "y", **options: object) -> str:
    made = fit(client, dataset_id=dataset(client, columns), target=target, **options)
    text = summary(client, made["id"])
    return " ".join(text[text.rindex("===\n") + 4 :].split())


def test_what_is_not_plain_about_a_fit_is_in_the_notes(client: httpx.Client) -> None:
    """Rows left out, filled cells, weights, times, categories, terms that were dropped and the errors' kind."""
    rng = np.random.default_rng(5)
    y, x = rng.normal(size=12).round(3).tolist(), rng.normal(size=12).round(3).tolist()
    days = [f"2026-03-{day:02}" for day in range(1, 13)]
    colour = ["red", "blue", "green"] * 4
    gaps: Any = [None, *x[1:]]

    assert "[1] 1 row was left out, because a cell was missing." in notes(client, {"x": gaps, "y": y}, missing="drop")
    assert "Missing cells of 'x' (1) were filled with " in notes(client, {"x": gaps, "y": y}, missing="mean")
    assert "Weighted: 'w' says what a row counts." in notes(client, {"x": x, "w": [1.0, 2.0] * 6, "y": y}, weights="w")
    said = notes(client, {"day": days, "y": y}, features=["day"], per="week")
    assert "'day' is a time: its slope is per week; it counts from 1970-01-01T00:00Z." in said
    said = notes(client, {"colour": colour, "y": y}, categorical="one_hot")
    assert "Categories of 'colour' are compared with 'blue'." in said
    twice = [2 * value for value in x]
    said = notes(client, {"x": x, "twice": twice, "y": y}, rank_deficient="drop")
    assert "'twice' was dropped, as it depends on other terms: twice = 2*x." in said
    assert "(HC3: squared residuals over (1 - leverage) squared)" in notes(client, {"x": x, "y": y}, cov_type="HC3")
    said = notes(client, {"x": x, "g": colour, "y": y}, features=["x"], cov_type="cluster", cluster="g")
    assert "by cluster: 'g' says which rows belong together (3 clusters)" in said
    assert "Penalised: minimises mean squared error + 0.500000 times" in notes(client, {"x": x, "y": y}, l2=0.5)
    assert "No intercept: R-squared is measured from 0 and not from the mean" in notes(
        client, {"x": x, "y": y}, fit_intercept=False
    )


def test_a_descent_that_stopped_short_says_how_far_it_is_from_the_fit(client: httpx.Client) -> None:
    """It has estimates and no errors, and each figure that is lacking has its reason."""
    descent = {"dataset_id": dataset(client, CARS), "target": "dist", "method": "gradient_descent", "epochs": 50}
    made = ok(client.post("/fit", json=descent, headers={"Prefer": "wait=30"}))
    text = summary(client, made["id"])

    left = made["descent"]["distance_to_optimum"]
    assert beside(text, "Sigma") == beside(text, "AIC") == "NA"
    assert f"{left['coef']:#.6g} in the coefficient furthest from it, {left['loss']:#.6g} in loss." in " ".join(text.split())
    assert "the descent stopped short" in " ".join(text.split())
    assert len(row(text, "speed")) == 1


def test_rows_that_are_gone_or_never_came_cost_the_diagnostics_alone(client: httpx.Client) -> None:
    """The table is still there, and says why it has no more."""
    id_ = dataset(client, CARS)
    made, moments = fit(client, dataset_id=id_, target="dist"), client.get(f"/datasets/{id_}/moments").json()
    of_moments = ok(client.post("/datasets", json={"moments": moments}))["id"]
    summed = fit(client, dataset_id=of_moments, target="dist")
    assert client.delete(f"/datasets/{id_}").status_code == 204

    for model, why in ((made, "which are gone"), (summed, "made of moments")):
        found = ok(client.get(f"/models/{model['id']}/summary", params={"format": "json"}), 200)
        text = summary(client, model["id"])
        assert found["diagnostics"] is None
        assert why in found["reasons"]["diagnostics"]
        assert why in " ".join(text.split())
        assert "Durbin-Watson" not in text
        assert agrees(beside(text, "R-squared"), "0.6511")


def test_many_rows_are_not_read_for_a_table(client: httpx.Client) -> None:
    """Beyond two million cells the summary names the call that does read them."""
    line = {
        "name": "long",
        "sample": {"n_samples": (1 << 21) + 1, "slope": 1, "intercept": 0, "noise_std": 1, "random_state": 1},
    }
    made = fit(client, dataset_id=ok(client.post("/datasets", json=line))["id"], target="y")

    text = " ".join(summary(client, made["id"]).split())

    assert "diagnostics: not made here, as the rows are many: GET /models/{id}/diagnostics makes them." in text


def test_the_cross_validation_that_was_asked_for_is_in_the_table(client: httpx.Client) -> None:
    """With as many digits as all else."""
    made = fit(client, dataset_id=dataset(client, CARS), target="dist", cv=5)
    text = summary(client, made["id"])

    assert "\nCross-validation, 5 folds\n" in text
    assert f"{made['cv']['rmse']:#.6g}" in text


def test_no_other_form_and_no_other_model_is_answered(client: httpx.Client, cars: str) -> None:
    """Both are said by name."""
    wrong = client.get(f"/models/{cars}/summary", params={"format": "pdf"})
    missing = client.get("/models/mdl_" + "0" * 20 + "/summary")

    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "format")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found")


def test_what_speaks_against_the_standard_errors_is_said(client: httpx.Client) -> None:
    """A kink that a line goes through, and noise that grows."""
    kink = {"x": [float(i) for i in range(30)], "y": [max(0.0, 3.0 * (i - 20)) + (i % 3) / 10 for i in range(30)]}
    assert "Durbin-Watson is" in notes(client, kink)
    fan = {"x": [float(i) for i in range(60)], "y": [i * (1.0 + ((i * 7) % 5 - 2) / 10) for i in range(60)]}
    assert "cov_type HC3" in notes(client, fan)
    assert "cov_type HC3" not in notes(client, fan, cov_type="HC3")
