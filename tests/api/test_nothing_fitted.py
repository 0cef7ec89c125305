"""A model of which every column was dropped, without an intercept: it predicts 0, and says that nothing was fitted."""

import httpx

from tests.api.made import fit, ok, refused

WHY = "all columns were dropped, and there is no intercept: nothing was fitted"


def test_a_model_of_no_column_predicts_zero(client: httpx.Client) -> None:
    """By every way, and twice: of what was made before, and is at hand; it has no interval, and says why."""
    model = fit(client, X=[[0], [0], [0], [0]], y=[5, 4, 5, 9], rank_deficient="drop", fit_intercept=False)
    for _ in range(2):
        answer = ok(client.post("/predict", json={"model_id": model["id"], "X": [[1]]}), 200)
        assert (answer["predictions"], answer["leverage"], answer["reasons"]["leverage"]) == ([0.0], None, WHY)
    asked = client.post("/predict", json={"model_id": model["id"], "X": [[1]], "interval": "confidence"})
    assert refused(asked, 422, "no-interval")["why"] == WHY


def test_its_rows_and_its_summary_are_there(client: httpx.Client) -> None:
    """Residuals are the targets; what is measured by leverages is null, and says why."""
    model = fit(client, X=[[0], [0], [0], [0]], y=[5, 4, 5, 9], rank_deficient="drop", fit_intercept=False)
    found = ok(client.get(f"/models/{model['id']}/diagnostics"), 200)

    assert [row["residual"] for row in found["items"]] == [5, 4, 5, 9]
    assert (found["items"][0]["leverage"], found["reasons"]["leverage"]) == (None, WHY)
    assert (found["summary"]["press"], found["reasons"]["press"], found["summary"]["vif"]) == (None, WHY, {"x": None})
    assert client.get(f"/models/{model['id']}/summary").status_code == 200
