"""One row that is far off a line which all others are on but for little: by how much, in the sigma of the others."""

import httpx
import pytest
import statsmodels.api as sm

from tests.api.made import fit, ok

N, OUTLIER = 8, 3


@pytest.mark.parametrize("noise", [1e-3, 1e-4, 1e-6])
def test_a_wild_row_is_studentized_by_the_others(client: httpx.Client, noise: float) -> None:
    """To 9 digits, as statsmodels has it, which fits the others alone: of t of 4e4, 4e5 and 4e7."""
    x = list(range(N))
    y = [50.0 if i == OUTLIER else 2.0 * i + noise * (-1) ** i for i in x]
    model = fit(client, X=[[i] for i in x], y=y)
    found = ok(client.get(f"/models/{model['id']}/diagnostics"), 200)["items"][OUTLIER]["studentized_residual"]

    peer = sm.OLS(y, [[1.0, i] for i in x]).fit().get_influence().resid_studentized_external
    assert found == pytest.approx(float(peer[OUTLIER]), rel=1e-9)
