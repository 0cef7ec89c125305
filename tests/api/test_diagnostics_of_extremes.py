"""Diagnostics and summaries of fits at the edge of what can be fitted: each figure is there, or a reason, and never a failure."""

from typing import Any

import httpx
import pytest

from tests.api.made import fit, ok

FITS: dict[str, dict[str, Any]] = {
    "a penalised one of dependent columns": {"X": [[1, 2], [2, 4], [3, 6], [4, 8]], "y": [1, 2, 2, 5], "l2": 0.1},
    "a penalised one of more columns than rows": {"X": [[1, 5, 2], [2, 4, 9]], "y": [1, 2], "l2": 0.1},
    "a penalised one of a constant": {"X": [[5]], "y": [1], "l2": 1},
    "a descent that is off by nothing": {"X": [[1], [0], [2]], "y": [1e150, 1e150, 1e150], "method": "gradient_descent"},
    "one whose rows leave less than its coefficients are rounded by": {"X": [[1e150], [0], [1]], "y": [1, 0, 0], "l2": 1},
    "one of columns of all sizes": {"X": [[1e-150], [1], [-1e150], [-1e150]], "y": [0, 0, 1, 1]},
    "one of a tiny target with tiny weights": {
        "X": [[-4e-97], [6e27], [-3e83], [1e64], [-8e-100]], "y": [0, 0, 0, 1e-150, 0],
        "weights": [1e-100, 1e-100, 1e-100, 1e-100, 2.5],
    },
}  # fmt: skip


@pytest.mark.parametrize("sent", FITS.values(), ids=FITS)
def test_what_does_not_exist_has_a_reason_and_costs_no_other_figure(client: httpx.Client, sent: dict[str, Any]) -> None:
    """Dependent columns are what penalties are for; what is inflated without end has no number."""
    made = fit(client, **sent)
    model, metrics = made["id"], made["metrics"]
    assert metrics["mae"] is None or metrics["mae"] <= metrics["rmse"] * (1 + 1e-9)
    assert {name for name, value in metrics.items() if value is None} <= set(made["reasons"])

    answer = ok(client.get(f"/models/{model}/diagnostics"), 200)

    assert {name for name, value in answer["summary"].items() if value is None} <= set(answer["reasons"])
    assert client.get(f"/models/{model}/summary").status_code == 200
