"""The terms of a fit written out by hand from its columns: powers, products, indicators of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from math import prod

from flint import fmpq

from tests.api.exact import read

Cell = float | str | bool | None


def expanded(
    columns: Mapping[str, Sequence[Cell]],
    features: Sequence[str],
    numbers: str = "float64",
    *,
    degree: int = 1,
    interactions: bool = False,
    fit_intercept: bool = True,
    levels: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, list[fmpq]]:
    """Each term and its value in every row, in the order that models have.

    `levels`: the categories of the fit, where these are other rows.
    """
    bases: dict[str, list[fmpq]] = {}
    group: dict[str, str] = {}
    for name in features:
        values = columns[name]
        if isinstance(values[0], (str, bool)):
            text = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
            known = sorted(set(text)) if levels is None else levels[name]
            has_baseline = fit_intercept or bool(group)
            group[name] = name
            for level in known[1:] if has_baseline else known:
                bases[f"{name}={level}"] = [fmpq(value == level) for value in text]
                group[f"{name}={level}"] = name
        else:
            bases[name] = [read(float(value), numbers) for value in values if value is not None]
    terms: dict[str, list[fmpq]] = {}
    for total in range(1, (max(degree, 2) if interactions else degree) + 1):
        for names in combinations_with_replacement(bases, total):
            distinct = dict.fromkeys(names)
            groups = [group[name] for name in names if name in group]
            is_product = len(distinct) > 1
            if len(groups) != len(set(groups)) or (is_product and not interactions):
                continue
            if max(names.count(name) for name in names) > degree:
                continue
            label = "*".join(f"{name}^{names.count(name)}" if names.count(name) > 1 else name for name in distinct)
            terms[label] = [prod(row, start=fmpq(1)) for row in zip(*(bases[name] for name in names), strict=True)]
    return terms


def means_of(values: Sequence[float | None], numbers: str) -> float:
    """The mean of the cells that are there: the nearest double, or decimal of 15 digits."""
    there = [read(value, numbers) for value in values if value is not None]
    mean = sum(there, fmpq(0)) / len(there)
    nearest = int(mean.p) / int(mean.q)
    return float(f"{nearest:.15g}") if numbers == "decimal" else nearest
