"""Which columns are exact linear combinations of others, and how: rational, from the Gram matrix alone."""

from collections.abc import Sequence

from flint import fmpq

from service.solver.centred import Centred
from service.solver.errors import RankDeficient

# A relation with more terms, or a longer number, than this helps nobody and is left out.
_LONGEST_RELATION = 6
_LONGEST_NUMBER = 12


def refuse_dependent(equation: Centred, features: Sequence[str]) -> None:
    """Raise RankDeficient if some columns depend on those before them; a constant one does on the intercept's."""
    if equation.gram.rank() == equation.n_features:
        return
    reduced, denominator, rank = equation.gram.rref()
    pivots = [next(j for j in range(equation.n_features) if reduced[i, j] != 0) for i in range(rank)]
    dependent = [j for j in range(equation.n_features) if j not in pivots]
    weights = {j: [fmpq(reduced[i, j], denominator) for i in range(rank)] for j in dependent}
    relations = (_relation(equation, features, j, pivots, weights[j]) for j in dependent)
    raise RankDeficient(
        rank=rank + equation.fit_intercept,
        dependent=tuple(features[j] for j in dependent),
        relations=tuple(text for text in relations if text),
    )


def _relation(
    equation: Centred, features: Sequence[str], dependent: int, pivots: Sequence[int], weights: Sequence[fmpq]
) -> str | None:
    """Write "x3 = x1 + 2*x2 - 0.5", or None if that is too long to read. Weights are in the columns' integers."""
    used = [(i, weight) for i, weight in zip(pivots, weights, strict=True) if weight != 0]
    unit = equation.units[dependent]
    terms = [(weight * unit / equation.units[i], features[i]) for i, weight in used]
    if equation.fit_intercept:
        total = equation.right[dependent, 1] - sum((weight * equation.right[i, 1] for i, weight in used), fmpq(0))
        constant = total * unit / equation.n_samples
        if constant != 0 or not terms:
            terms.append((constant, ""))
    numbers = [_number(abs(weight)) for weight, _ in terms]
    if len(terms) > _LONGEST_RELATION or max(map(len, numbers), default=0) > _LONGEST_NUMBER:
        return None
    text = "".join(
        f" {'-' if weight < 0 else '+'} {_term(number, name)}" for number, (weight, name) in zip(numbers, terms, strict=True)
    )
    signed = text[3:] if text.startswith(" + ") else text.replace(" - ", "-", 1)
    return f"{features[dependent]} = {signed or '0'}"


def _term(number: str, name: str) -> str:
    if not name:
        return number
    return name if number == "1" else f"{number}*{name}"


def _number(value: fmpq) -> str:
    """As a decimal if it is a short one, else as a fraction."""
    places = value * 10**6
    if places.q == 1:
        digits = f"{int(places.p):07d}"
        return f"{digits[:-6]}.{digits[-6:]}".rstrip("0").rstrip(".")
    return f"{value.p}/{value.q}"
