"""Traps of the field: where other software answered NaN, lost every digit, or silently took another number for the one sent."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from flint import fmpq

from tests.api.exact import exact_fit, off_by, read, said
from tests.api.expanded import expanded
from tests.api.made import ARROW, dataset, fit, ok, refused

NOW = 1.5e9  # Unix time, July 2017
Columns = Mapping[str, Sequence[float]]


def exact(columns: Columns, numbers: str = "float64", **options: Any) -> dict[str, Any]:
    """The exact figures of the fit of the last column on the others."""
    *features, target = columns
    fit_intercept = options.pop("fit_intercept", True)
    terms = expanded(columns, features, numbers, fit_intercept=fit_intercept, **options)
    return exact_fit(terms, [read(value, numbers) for value in columns[target]], fit_intercept=fit_intercept).figures()


def fitted(client: httpx.Client, columns: Columns, numbers: str = "float64", **options: Any) -> dict[str, Any]:
    """The model of the last column on the others."""
    return fit(client, dataset_id=dataset(client, columns, numbers=numbers), target=list(columns)[-1], **options)


def of_arrow(client: httpx.Client, columns: Mapping[str, "pa.Array[Any]"]) -> httpx.Response:
    table, sink = pa.table(dict(columns)), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return client.post("/datasets", content=sink.getvalue(), headers={"Content-Type": ARROW})


# --- Large offsets ---


def test_unix_times_cost_no_digit(client: httpx.Client) -> None:
    """Times near 1.5e9, a quarter of a second apart: where sums of squares in doubles make a variance of 0, and a slope of NaN."""
    seconds = [NOW + i / 4 for i in range(60)]
    values = [0.5 * (x - NOW) + 20 for x in seconds]

    model = fitted(client, {"x": seconds, "y": values})

    assert (model["coef"], model["intercept"]) == ([0.5], 20 - NOW / 2)
    of_the_fit = {"mse": 0.0, "rmse": 0.0, "mae": 0.0, "sigma": 0.0, "r2": 1.0, "r2_adj": 1.0, "df_resid": 58}
    assert model["metrics"] == model["metrics"] | of_the_fit
    noisy = {"x": seconds, "y": [value + (i * i % 7) / 8 for i, value in enumerate(values)]}
    assert said(fitted(client, noisy)) == exact(noisy)


def test_a_slope_over_one_second_of_unix_time_is_right(client: httpx.Client) -> None:
    """Four scrapes of a monitor within a second, which a naive n sum(x^2) - sum(x)^2 takes for one: it divides by 0."""
    x, y = [NOW, NOW + 0.25, NOW + 0.5, NOW + 0.75], [1.0, 1.5, 2.25, 2.5]
    naive = len(x) * sum(v * v for v in x) - sum(x) ** 2
    assert naive <= 0 or not np.isclose(naive, 4 * 0.3125, rtol=0.5)

    assert said(fitted(client, {"x": x, "y": y})) == exact({"x": x, "y": y})


@pytest.mark.parametrize("degree", [2, 3])
def test_curves_over_unix_times_are_fitted(client: httpx.Client, degree: int) -> None:
    """Powers of a time are exact, and a time that is good to 1e-7 s is good enough for a curve over a minute: not refused."""
    columns = {
        "x": [NOW + 1.1 * i for i in range(60)],
        "y": [20 + 0.25 * i - 0.01 * i * i + (i * i % 7) / 8 for i in range(60)],
    }

    assert said(fitted(client, columns, degree=degree)) == exact(columns, degree=degree)


@pytest.mark.parametrize("degree", [2, 3, 4])
def test_predictions_of_curves_over_unix_times_are_right(client: httpx.Client, degree: int) -> None:
    """The powers are 1e27 and cancel to a number near 20: 13 digits of it are right, and of the leverage."""
    columns = {
        "x": [NOW + 1.1 * i for i in range(60)],
        "y": [20 + 0.25 * i - 0.01 * i * i + (i * i % 7) / 8 for i in range(60)],
    }
    columns = {name: [round(value, 4) for value in values] for name, values in columns.items()}
    model = fitted(client, columns, "decimal", degree=degree)

    body = {"model_id": model["id"], "columns": {"x": columns["x"]}, "leverage": True}
    answer = ok(client.post("/predict", json=body), 200)

    terms = expanded(columns, ["x"], "decimal", degree=degree)
    fit_ = exact_fit(terms, [read(value, "decimal") for value in columns["y"]])
    for i, row in enumerate(zip(*terms.values(), strict=True)):
        assert off_by(answer["predictions"][i], fit_.prediction(row)) <= 1e-13
        assert off_by(answer["leverage"][i], fit_.leverage(row)) <= 1e-13


def test_an_exact_line_keeps_its_intercept(client: httpx.Client) -> None:
    """The line 7 + 2x, x from 20,000 up: sums in float32 put its intercept at -20, ours at 7, with residuals of 0."""
    x = np.arange(20_000, 21_200, 3, dtype=np.float32)
    y = 7 + 2 * x
    n, sx, sy, sxy, sxx = np.float32(len(x)), *(np.cumsum(values, dtype=np.float32)[-1] for values in (x, y, x * y, x * x))
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    assert abs((sy - slope * sx) / n - 7) > 20, "the trap is one"

    made = ok(of_arrow(client, {"x": pa.array(x), "y": pa.array(y)}))
    model = fit(client, dataset_id=made["id"], target="y")

    assert (model["intercept"], model["coef"]) == (7.0, [2.0])
    assert (model["metrics"]["r2"], model["metrics"]["sigma"]) == (1.0, 0.0)


@pytest.mark.parametrize("offset", [1e6, 1e12, 2.0**52])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_a_small_signal_on_a_huge_offset_is_all_there(client: httpx.Client, offset: float, numbers: str) -> None:
    """Both x and y are one offset with small whole numbers on it."""
    small = np.random.default_rng(8).integers(0, 50, (20, 3)).astype(float)
    if numbers == "decimal" and offset > 1e15:
        offset = 1e14
    columns = {name: (offset + small[:, j]).tolist() for j, name in enumerate(("a", "b", "y"))}

    model = fitted(client, columns, numbers)

    assert said(model) == exact(columns, numbers)
    without = fitted(client, {name: small[:, j].tolist() for j, name in enumerate(("a", "b", "y"))}, numbers)
    assert (model["coef"], model["metrics"]) == (without["coef"], without["metrics"])


# --- R² ---


@pytest.mark.parametrize("seed", range(6))
def test_a_column_more_never_lowers_r2(client: httpx.Client, seed: int) -> None:
    """Useful, useless, or nearly a copy of another: R² is exact, so it cannot go down; by rounding it did elsewhere."""
    rng = np.random.default_rng(seed)
    block = rng.normal(size=(30, 7)) + 10.0 ** rng.integers(0, 7)
    block[:, 3] = block[:, 1] + 1e-7 * rng.normal(size=30)  # nearly a copy
    block[:, 4] = block[:, 0] * 1e-9 + rng.normal(size=30) * 1e-11
    block[:, 6] = block[:, :2].sum(1) + rng.normal(size=30)
    columns = {name: block[:, j].tolist() for j, name in enumerate("abcdefy")}
    id_ = dataset(client, columns)

    found = [fit(client, dataset_id=id_, target="y", features=list("abcdef"[:k]))["metrics"]["r2"] for k in range(1, 7)]

    assert found == sorted(found)
    assert found[-1] == exact(columns)["r2"]


def test_r2_without_an_intercept_is_about_zero(client: httpx.Client) -> None:
    """1 - rss / sum y^2, as R and statsmodels have it: about the mean it could be below 0."""
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [10.0, 11.0, 9.0, 10.5]}

    model = fitted(client, columns, fit_intercept=False)

    assert said(model) == exact(columns, fit_intercept=False)
    assert model["metrics"]["r2"] > 0.8
    rss, mean = 4 * model["metrics"]["mse"], np.mean(columns["y"])
    assert 1 - rss / sum((y - mean) ** 2 for y in columns["y"]) < 0


# --- Degenerate fits ---


@pytest.mark.parametrize("n", [1, 2, 5, 10])
def test_as_many_coefficients_as_rows_fit_exactly(client: httpx.Client, n: int) -> None:
    """Residuals of 0 and R² of 1, exactly; no sigma and no standard error, and the reasons are given. One row less is refused."""
    rng = np.random.default_rng(n)
    block = np.round(rng.normal(size=(n, n)), 3)
    columns = {f"c{j}": block[:, j].tolist() for j in range(n)}

    if n == 1:
        columns = {"x": [2.0], "y": [3.0]}
        model = fitted(client, columns, fit_intercept=False)
    else:
        model = fitted(client, columns)
        short = {name: values[:-1] for name, values in columns.items()}
        refused(client.post("/fit", json={"dataset_id": dataset(client, short), "target": f"c{n - 1}"}), 422, "too-few-rows")

    assert said(model) == exact(columns, fit_intercept=n > 1)
    assert (model["metrics"]["mse"], model["metrics"]["r2"], model["metrics"]["sigma"]) == (0.0, 1.0, None)
    assert "degrees of freedom" in model["reasons"]["sigma"]


@pytest.mark.parametrize("numbers", ["decimal", "float64"])
def test_an_exact_plane_has_errors_of_zero(client: httpx.Client, numbers: str) -> None:
    """Not 1e-16: the residuals of an exact relation are 0, and so are sigma and every standard error."""
    a, b = [float(i) for i in range(12)], [float(i * i % 5) for i in range(12)]
    step = 0.1 if numbers == "decimal" else 0.125
    y = [round(3 + 2 * p - step * q, 3) for p, q in zip(a, b, strict=True)]

    model = fitted(client, {"a": a, "b": b, "y": y}, numbers)

    assert (model["intercept"], model["coef"]) == (3.0, [2.0, -step])
    assert said(model)["std_error"] == [0.0, 0.0, 0.0]
    assert (model["metrics"]["sigma"], model["metrics"]["mse"], model["metrics"]["r2"]) == (0.0, 0.0, 1.0)


def test_a_constant_target_has_slopes_of_zero_and_no_r2(client: httpx.Client) -> None:
    """There is nothing to explain: null, and the reason, in place of NaN or 1."""
    model = fitted(client, {"x": [0.1, 0.7, 0.3, 0.9], "y": [0.1] * 4})

    assert (model["intercept"], model["coef"]) == (0.1, [0.0])
    assert model["metrics"]["r2"] is None
    assert "constant" in model["reasons"]["r2"]
    assert model["metrics"]["sigma"] == 0.0


def test_ten_rows_and_nine_columns_are_exact(client: httpx.Client) -> None:
    """A degree of freedom of none, and with eight columns of one."""
    block = np.random.default_rng(9).normal(size=(10, 10))
    columns = {f"c{j}": block[:, j].tolist() for j in range(10)}

    assert said(fitted(client, columns)) == exact(columns)
    eight = {name: values for name, values in columns.items() if name != "c0"}
    assert said(fitted(client, eight)) == exact(eight)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_sorted_rows_and_blocks_of_constant_rows_are_like_any(client: httpx.Client, numbers: str) -> None:
    """Rows that repeat for a thousand lines, then others: exactly what the distinct rows, so often, make."""
    distinct = [(0.1, 2.0, 7.5), (0.2, 2.0, 8.25), (1e6, -3.0, 1.0), (0.3, 5.5, 2.0)]
    often = [1500, 900, 1, 1200]
    rows = [row for row, n in zip(distinct, often, strict=True) for _ in range(n)]
    columns = {name: list(values) for name, values in zip(("a", "b", "y"), zip(*rows, strict=True), strict=True)}

    model = fitted(client, columns, numbers)

    few = {name: list(values) for name, values in zip(("a", "b", "y"), zip(*distinct, strict=True), strict=True)}
    weights = [fmpq(n) for n in often]
    y = [read(value, numbers) for value in few["y"]]
    weighted = exact_fit(expanded(few, ["a", "b"], numbers), y, weights=weights).figures()
    same = ("intercept", "coef", "mse", "rmse", "r2")
    assert {name: said(model)[name] for name in same} == {name: weighted[name] for name in same}
    assert model["n_samples"] == 3601


@pytest.mark.parametrize("columns", [("tiny", "huge"), ("tiny", "one", "huge")], ids=str)
def test_columns_of_wildly_different_scale_are_one_problem(client: httpx.Client, columns: tuple[str, ...]) -> None:
    """1e-150 beside 1e150: as exact as any."""
    rng = np.random.default_rng(4)
    scales = {"tiny": 1e-149, "one": 1.0, "huge": 1e149}
    made = {name: (scales[name] * rng.uniform(0.1, 1, 12)).tolist() for name in columns} | {"y": rng.normal(size=12).tolist()}

    assert said(fitted(client, made)) == exact(made)


# --- What a number means ---


def test_a_float32_is_the_double_that_it_is(client: httpx.Client) -> None:
    """0.1 of float32 is 0.100000001490116...; it is neither 0.1 nor rounded, and as a decimal it has too many digits."""
    single = np.array([0.1, 0.2, 0.7, 0.4], np.float32)
    doubles = [float(value) for value in single]
    y = [1.0, 2.0, 2.5, 4.0]

    made = ok(of_arrow(client, {"x": pa.array(single), "y": pa.array(y)}))

    assert ok(client.get(f"/datasets/{made['id']}/rows"), 200)["columns"]["x"] == doubles
    assert said(fit(client, dataset_id=made["id"], target="y")) == exact({"x": doubles, "y": y})
    table, sink = pa.table({"x": pa.array(single), "y": pa.array(y)}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    answer = client.post("/datasets?numbers=decimal", content=sink.getvalue(), headers={"Content-Type": ARROW})
    assert refused(answer, 422, "too-many-digits")["column"] == "x"


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 2**63 - 1])
def test_an_integer_that_no_double_is_equal_to_is_refused(client: httpx.Client, value: int) -> None:
    """By row and column; up to 2^53, and beyond where there is such a double, int64 is exact."""
    good = [0, 2**53, -(2**53), 2**62, 5]
    y = pa.array([1.0, 2.0, 3.0, 4.0, 7.0])
    made = ok(of_arrow(client, {"x": pa.array(good, pa.int64()), "y": y}))

    problem = refused(of_arrow(client, {"x": pa.array([0, 1, value, 3, 4], pa.int64()), "y": y}), 422, "lossy-integer")

    assert (problem["row"], problem["column"], problem["value"]) == (2, "x", value)
    columns = {"x": [float(v) for v in good], "y": [1.0, 2.0, 3.0, 4.0, 7.0]}
    assert said(fit(client, dataset_id=made["id"], target="y")) == exact(columns)


def test_a_decimal_is_its_digits_or_refused(client: httpx.Client) -> None:
    """Up to 15 digits a decimal128 goes in and means itself; one of 16 is refused by row."""
    texts = ["0.1", "123456789.012345", "-7.25", "3"]
    y = pa.array([1.0, 2.0, 4.0, 8.0])

    def array(values: list[str]) -> "pa.Array[Any]":
        return pa.array([Decimal(value) for value in values], pa.decimal128(30, 8))

    table, sink = pa.table({"x": array(texts), "y": y}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    made = ok(client.post("/datasets?numbers=decimal", content=sink.getvalue(), headers={"Content-Type": ARROW}))

    columns = {"x": [float(text) for text in texts], "y": [1.0, 2.0, 4.0, 8.0]}
    assert said(fit(client, dataset_id=made["id"], target="y")) == exact(columns, "decimal")
    problem = refused(of_arrow(client, {"x": array(["1", "1", "123456789.0123456", "1"]), "y": y}), 422, "lossy-decimal")
    assert (problem["row"], problem["column"]) == (2, "x")


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_minus_zero_is_zero(client: httpx.Client, numbers: str) -> None:
    """The same model, to the sign of every 0; and no answer is -0.0."""
    plus = {"x": [0.0, 1.0, 2.0, 0.0, 1.0], "y": [0.0, 0.0, 0.0, 0.0, 0.0]}
    minus = {name: [-0.0 if value == 0 else value for value in values] for name, values in plus.items()}

    models = [fitted(client, columns, numbers) for columns in (plus, minus)]

    texts = [repr((model["intercept"], model["coef"], model["metrics"], model["inference"])) for model in models]
    assert texts[0] == texts[1]
    assert "-0.0" not in texts[0]
    answer = ok(client.post("/predict", json={"model_id": models[1]["id"], "X": [[-0.0], [0.0]]}), 200)
    assert repr(answer["predictions"]) == "[0.0, 0.0]"


# --- Grids, totals and shares ---

GRIDS = {"arange": np.arange(0, 5, 0.1).tolist(), "linspace": np.linspace(0, 1, 50).tolist()}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("degree", [1, 4])
def test_a_computed_grid_is_the_doubles_that_it_holds(client: httpx.Client, grid: str, degree: int) -> None:
    """0.1 added up or multiplied is not one tenth: the fit is exact for the doubles, and as decimals they are refused."""
    columns = {"x": GRIDS[grid], "y": [float(i * i % 17) for i in range(50)]}

    assert said(fitted(client, columns, degree=degree)) == exact(columns, degree=degree)
    problem = refused(client.post("/datasets", json={"columns": columns, "numbers": "decimal"}), 422, "too-many-digits")
    assert problem["column"] == "x"
    rounded = {**columns, "x": [round(value, 3) for value in columns["x"]]}
    assert said(fitted(client, rounded, "decimal", degree=degree)) == exact(rounded, "decimal", degree=degree)


def totals(n: int = 40) -> dict[str, list[float]]:
    """Two columns of cents and their total, computed in doubles."""
    rng = np.random.default_rng(12)
    a, b = np.round(rng.uniform(0, 100, n), 2), np.round(rng.uniform(0, 100, n), 2)
    return {"a": a.tolist(), "b": b.tolist(), "total": (a + b).tolist(), "y": np.round(rng.normal(size=n), 2).tolist()}


def test_a_computed_total_is_refused_and_named(client: httpx.Client) -> None:
    """It differs from the sum by rounding alone: coefficients of 1e14 would be exact and worth nothing."""
    columns = totals()
    assert any(fmpq(*t.as_integer_ratio()) != fmpq(*a.as_integer_ratio()) + fmpq(*b.as_integer_ratio())
               for a, b, t in zip(columns["a"], columns["b"], columns["total"], strict=True))  # fmt: skip

    problem = refused(client.post("/fit", json={"dataset_id": dataset(client, columns), "target": "y"}), 422, "rank-deficient")

    assert problem["dependent"] == ["total"]
    assert set(problem["involved"]) == {"a", "b", "total"}
    assert problem["to_rounding"] is True
    assert all(name in problem["detail"] for name in ("a", "b", "total"))


def test_a_computed_total_is_fitted_exactly_if_allowed(client: httpx.Client) -> None:
    """Asked to, it is the exact answer for those doubles; and that says itself that no digit of it is supported."""
    columns = totals()

    model = fitted(client, columns, rank_deficient="allow")

    assert said(model) == exact(columns)
    assert model["supported_digits"] == 0.0
    assert model["condition_number"] > 1e14


def test_a_computed_total_is_dropped_if_asked(client: httpx.Client) -> None:
    """The last of the columns that depend on each other, as R does: null, its name given, and the fit that of the others."""
    columns = totals()

    model = fitted(client, columns, rank_deficient="drop")

    others = exact({name: values for name, values in columns.items() if name != "total"})
    assert model["dropped"] == ["total"]
    assert model["coef"] == [*others["coef"], None]
    assert (model["intercept"], model["metrics"]["r2"], model["metrics"]["sigma"]) == (
        others["intercept"], others["r2"], others["sigma"],
    )  # fmt: skip
    assert model["rank"] == 3
    row = {"a": [1.0], "b": [2.0], "total": [3.0]}
    answer = ok(client.post("/predict", json={"model_id": model["id"], "columns": row, "leverage": True}), 200)
    assert answer["predictions"][0] == pytest.approx(
        others["intercept"] + others["coef"][0] + 2 * others["coef"][1], rel=1e-12
    )


def test_products_of_a_computed_total_are_dropped_with_it(client: httpx.Client) -> None:
    """What is made of a total is that of its parts but for the total's rounding: the terms that go are those of an exact total."""
    columns = totals()
    exactly = {**columns, "total": [round(value, 2) for value in columns["total"]]}
    asked: dict[str, Any] = {"degree": 2, "interactions": True, "rank_deficient": "drop"}

    model = fitted(client, columns, **asked)

    assert model["dropped"] == fitted(client, exactly, "decimal", **asked)["dropped"]
    assert model["dropped"] == ["total", "a*total", "b*total", "total^2"]


@pytest.mark.parametrize("numbers", ["decimal", "float64"])
def test_the_shortest_of_all_answers_is_given_if_asked(client: httpx.Client, numbers: str) -> None:
    """minimum_norm, of columns that depend exactly: the least |coef| of all that fit as well, against exact rationals."""
    columns = {name: [float(round(value)) for value in values] for name, values in totals().items() if name != "total"}
    columns = {
        "a": columns["a"],
        "b": columns["b"],
        "total": [p + q for p, q in zip(columns["a"], columns["b"], strict=True)],
        "y": columns["y"],
    }
    id_ = dataset(client, columns, numbers=numbers)

    model = fit(client, dataset_id=id_, target="y", rank_deficient="minimum_norm")

    few = exact_fit(expanded(columns, ["a", "b"]), [read(value, "float64") for value in columns["y"]])
    # b1 + b3 = f1 and b2 + b3 = f2 with the least b1^2 + b2^2 + b3^2: b3 = (f1 + f2) / 3.
    _, first, second = few.theta
    third = (first + second) / 3
    expected = [int(value.p) / int(value.q) for value in (first - third, second - third, third)]
    assert model["coef"] == expected
    assert (model["intercept"], model["metrics"]["r2"]) == (few.figures()["intercept"], few.figures()["r2"])
    assert model["rank"] == 3
    for policy in ("error", "allow"):
        problem = refused(
            client.post("/fit", json={"dataset_id": id_, "target": "y", "rank_deficient": policy}), 422, "rank-deficient"
        )
        assert (problem["dependent"], problem["to_rounding"]) == (["total"], False)


def test_a_computed_total_has_a_shortest_answer_too(client: httpx.Client) -> None:
    """The total counts for the sum that it is but for rounding: the coefficients are near those of the exact total."""
    columns = totals()
    exactly = {**columns, "total": [round(value, 2) for value in columns["total"]]}

    model = fitted(client, columns, rank_deficient="minimum_norm")

    of_decimals = fitted(client, exactly, "decimal", rank_deficient="minimum_norm")
    assert model["coef"] == pytest.approx(of_decimals["coef"], rel=1e-12)


def shares(n: int = 30) -> dict[str, list[float]]:
    """Percentages of one decimal that add up to 100."""
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 500, n), rng.integers(0, 500, n)
    tenths = {"a": a, "b": b, "c": 1000 - a - b}
    return {name: (values / 10).tolist() for name, values in tenths.items()} | {"y": np.round(rng.normal(size=n), 2).tolist()}


@pytest.mark.parametrize(("numbers", "to_rounding"), [("decimal", False), ("float64", True)])
def test_shares_of_a_whole_depend_on_each_other(client: httpx.Client, numbers: str, to_rounding: bool) -> None:
    """As decimals they add up to 100 exactly, as doubles to rounding: refused in both, with all three of them named."""
    id_ = dataset(client, shares(), numbers=numbers)

    problem = refused(client.post("/fit", json={"dataset_id": id_, "target": "y"}), 422, "rank-deficient")

    assert (problem["dependent"], problem["to_rounding"]) == (["c"], to_rounding)
    assert set(problem["involved"]) >= {"a", "b", "c"}
    model = fit(client, dataset_id=id_, target="y", fit_intercept=False)
    assert said(model) == exact(shares(), numbers, fit_intercept=False)
    dropped = fit(client, dataset_id=id_, target="y", rank_deficient="drop")
    assert dropped["dropped"] == ["c"]


def test_the_trap_is_of_today(client: httpx.Client) -> None:
    """Times of this year are larger by a fifth: the same promise."""
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    columns = {"t": [start + 0.1 * i for i in range(40)], "y": [float(i * i % 9) for i in range(40)]}

    assert said(fitted(client, columns)) == exact(columns)
