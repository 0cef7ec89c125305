"""Rows in memory, no service round them: moments and fit, large and small."""

from benchmarks import data
from benchmarks.figures import Bound, Row
from benchmarks.lab import calling, ours, peer, theirs, times
from benchmarks.measure import compete

FITTED = "benchmarks.peers.libraries:fitted"
N, P = 2_000_000, 20
SMALL_FITS = 2_000  # a run: 300 were over before caches that other processes had used meanwhile were warm


def fit_doubles() -> Row:
    """Every bit of random doubles counts."""
    work = f"exact moments and fit of {N:,} x {P} in memory, solver alone, doubles"
    return _fit("fit_doubles", work, None, 6.0)


def fit_decimals() -> Row:
    """Values of three decimals, read as the decimals they are."""
    work = 'the same, values of three decimals, `"numbers": "decimal"`'
    return _fit("fit_decimals", work, 3, 15.0)


def _fit(name: str, work: str, places: int | None, asked: float) -> Row:
    path = data.rows(N, P + 1, places)
    with ours() as linefit, theirs() as peers:
        run = calling(linefit, "benchmarks.ours:moments_and_fit", path, "float64" if places is None else "decimal")
        return compete(name, work, "s", run, [
            peer("scikit-learn LinearRegression", peers, FITTED, "LinearRegression", path, asked=times(asked), digits=9),
            peer("statsmodels OLS", peers, FITTED, "statsmodels", path, digits=9),
            peer("numpy lstsq", peers, FITTED, "lstsq", path, digits=9),
            peer("scikit-learn Ridge, Cholesky", peers, FITTED, "Ridge", path, digits=9, note="X'X rounded"),
            peer("X'X in float64 blocks", peers, FITTED, "blocked", path, digits=9, note="rounded; no standard errors"),
            peer("reading X once", peers, FITTED, "reading", path),
        ])  # fmt: skip


def fit_small() -> Row:
    """What a fit costs when there is nearly nothing to sum up."""
    path = data.rows(50, 2)
    with ours() as linefit, theirs() as peers:
        found = compete(
            "fit_small", "a fit of 50 x 1 with standard errors, solver alone", "s",
            calling(linefit, "benchmarks.ours:small_fits", path, SMALL_FITS),
            [
                peer("scikit-learn LinearRegression", peers, FITTED, "LinearRegression", path, SMALL_FITS, digits=9, note="no standard errors"),
                peer("statsmodels OLS", peers, FITTED, "statsmodels", path, SMALL_FITS, digits=9),
                peer("numpy lstsq", peers, FITTED, "lstsq", path, SMALL_FITS, digits=9, note="no standard errors"),
            ],
        )  # fmt: skip
    bound = Bound(what="time of a fit", value=found.value, unit="s", limit=100e-6, text="at most 100 µs")
    return found.model_copy(update={"bounds": [bound]})
