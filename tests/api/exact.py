"""Least squares in FLINT's exact rationals, row by row from the definitions: what the answers of the API are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flint import fmpq, fmpq_mat

Column = Sequence[fmpq]


def read(value: float | str, numbers: str) -> fmpq:
    """What a number means: itself, or the shortest decimal that reads as it; a text is the decimal that it spells."""
    if isinstance(value, str):
        value = float(value)
    if numbers == "float64":
        return fmpq(*value.as_integer_ratio())
    digits, _, exponent = repr(float(value)).partition("e")
    whole, _, part = digits.partition(".")
    power = int(exponent or 0) - len(part)
    scale = fmpq(10) ** abs(power)
    return fmpq(int(whole + part)) * (scale if power >= 0 else 1 / scale)


@dataclass(frozen=True)
class ExactFit:
    """A fit of rows [1 X] and y, weighted if there are weights."""

    terms: tuple[str, ...]
    fit_intercept: bool
    theta: list[fmpq]  # the intercept first where it is fitted
    gram: fmpq_mat  # X'WX, ones included where the intercept is fitted
    n_samples: int
    rss: fmpq  # weighted
    total: fmpq  # weighted, about the mean, or about 0 without an intercept
    weight: fmpq  # sum of the weights
    is_penalised: bool

    @property
    def df(self) -> int:
        return self.n_samples - len(self.theta)

    @property
    def sigma_square(self) -> fmpq:
        return self.rss / self.df

    @cached_property
    def inverse(self) -> fmpq_mat:
        return self.gram.inv()

    def prediction(self, row: Sequence[fmpq]) -> fmpq:
        """Of a row of terms."""
        return dot(self.theta, self._whole(row))

    def leverage(self, row: Sequence[fmpq]) -> fmpq:
        x = fmpq_mat(len(self.theta), 1, self._whole(row))
        return (x.transpose() * self.inverse * x)[0, 0]

    def figures(self) -> dict[str, Any]:
        """What a model must say, each the double nearest to the exact figure; None where there is none."""
        start = int(self.fit_intercept)
        inferred = self.df > 0 and not self.is_penalised
        inverse = self.inverse if inferred else None
        return {
            "terms": list(self.terms),
            "n_samples": self.n_samples,
            "df_resid": self.df,
            "intercept": nearest(self.theta[0]) if self.fit_intercept else 0.0,
            "coef": [nearest(value) for value in self.theta[start:]],
            "mse": nearest(self.rss / self.weight),
            "rmse": nearest_root(self.rss / self.weight),
            "r2": None if self.total == 0 else nearest(1 - self.rss / self.total),
            "sigma": nearest_root(self.sigma_square) if inferred else None,
            "std_error": [
                None if inverse is None else nearest_root(self.sigma_square * inverse[i, i]) for i in range(len(self.theta))
            ],
        }

    def _whole(self, row: Sequence[fmpq]) -> list[fmpq]:
        return [fmpq(1), *row] if self.fit_intercept else list(row)


def exact_fit(
    terms: Mapping[str, Column], y: Column, *, weights: Column | None = None, fit_intercept: bool = True, l2: fmpq | int = 0
) -> ExactFit:
    """The fit that minimises sum w r^2 / sum w + l2 |coef|^2; a row of weight 0 is none."""
    kept = [i for i in range(len(y)) if weights is None or weights[i] != 0]
    columns = ([[fmpq(1)] * len(kept)] if fit_intercept else []) + [[column[i] for i in kept] for column in terms.values()]
    y, w = [y[i] for i in kept], [fmpq(1) if weights is None else weights[i] for i in kept]
    weight, p, n = sum(w, fmpq(0)), len(columns), len(kept)
    X = fmpq_mat(p, n, [value for column in columns for value in column]).transpose()
    weighted = fmpq_mat(p, n, [value * own for column in columns for value, own in zip(column, w, strict=True)])
    gram = weighted * X
    penalised = fmpq_mat(gram)
    for i in range(int(fit_intercept), p):
        penalised[i, i] += l2 * weight
    theta = penalised.solve(weighted * fmpq_mat(n, 1, y))
    residuals = [value - fitted for value, fitted in zip(y, (X * theta).entries(), strict=True)]
    mean = dot(w, y) / weight if fit_intercept else fmpq(0)
    return ExactFit(
        terms=tuple(terms), fit_intercept=fit_intercept, theta=theta.entries(), gram=gram, n_samples=n,
        rss=sum((own * r * r for own, r in zip(w, residuals, strict=True)), fmpq(0)),
        total=sum((own * (value - mean) ** 2 for own, value in zip(w, y, strict=True)), fmpq(0)),
        weight=weight, is_penalised=l2 != 0,
    )  # fmt: skip


def said(model: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a model that `ExactFit.figures` knows."""
    metrics = model["metrics"]
    figures = {name: model[name] for name in ("terms", "n_samples", "intercept", "coef")}
    figures |= {name: metrics[name] for name in ("df_resid", "mse", "rmse", "r2", "sigma")}
    return figures | {"std_error": [row["std_error"] for row in model["inference"]]}


def dot(a: Column, b: Column) -> fmpq:
    return sum((x * y for x, y in zip(a, b, strict=True)), fmpq(0))


def nearest(value: fmpq) -> float:
    """The nearest double, ties to even: Python divides integers so."""
    return int(value.p) / int(value.q)


def nearest_root(square: fmpq) -> float:
    """The double nearest to the square root: an integer root of 60 bits and more, odd if there is a remainder."""
    p, q = int(square.p), int(square.q)
    if p == 0:
        return 0.0
    shift = max(0, 60 + (q.bit_length() - p.bit_length()) // 2)
    root = math.isqrt((p << 2 * shift) // q)
    is_whole = root * root * q == p << 2 * shift
    return (2 * root + (not is_whole)) / (1 << (shift + 1))


def off_by(got: float, exact: fmpq) -> float:
    """The relative error; the absolute one of what is 0."""
    error = abs(fmpq(*got.as_integer_ratio()) - exact)
    return nearest(error if exact == 0 else error / abs(exact))
