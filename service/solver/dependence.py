"""Which columns are linear combinations of those before them, exactly or to rounding, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb, arb_mat, fmpq, fmpq_mat

from service.solver.balls import precision
from service.solver.centred import Centred
from service.solver.correlation import Inverted
from service.solver.errors import RankDeficient
from service.solver.noise import Noise
from service.solver.normal import independent
from service.solver.relation import LONGEST, relation
from service.solver.rounding_rank import independent_to_rounding

# A weight is none at all if it is no more than so many times as large as chance might make it.
_SIGNIFICANT = 30


@dataclass(frozen=True, slots=True)
class Dependence:
    """A column that depends on columns that are kept."""

    column: int
    involved: tuple[int, ...]  # the kept ones that are in the relation, in order
    relation: str | None  # None if it is too long to read


@dataclass(frozen=True, slots=True)
class Dependences:
    kept: list[int]
    dropped: list[Dependence]
    to_rounding: bool  # none of the dropped depends exactly
    inverted: Inverted  # of those kept

    def refusal(self, equation: Centred, features: Sequence[str]) -> RankDeficient:
        involved = {i for one in self.dropped for i in (one.column, *one.involved)}
        return RankDeficient(
            rank=len(self.kept) + equation.fit_intercept,
            dependent=tuple(features[one.column] for one in self.dropped),
            relations=tuple(one.relation for one in self.dropped if one.relation),
            involved=tuple(features[i] for i in sorted(involved)),
            to_rounding=self.to_rounding,
        )


def dependences(
    equation: Centred, features: Sequence[str], noise: Noise, is_to_rounding: bool, inverted: Inverted | None
) -> Dependences:
    """Keep each column that does not depend on those before it; a constant one depends on the intercept's.

    What depends only to rounding counts as dependent if `is_to_rounding`. `inverted`: of `equation`, if that has an inverse.
    """
    is_full = inverted is not None
    kept = list(range(equation.n_features)) if is_full else list(independent(equation.gram))
    inverted = inverted or Inverted.of_independent(equation.select(kept))
    if is_to_rounding:
        left, inverted = independent_to_rounding(inverted, noise.select(kept))
        kept = [kept[i] for i in left]
    dropped = [j for j in range(equation.n_features) if j not in set(kept)]
    found = _explained(equation, features, noise, kept, dropped, inverted)
    return Dependences(kept, found, is_full, inverted)


def _explained(
    equation: Centred,
    features: Sequence[str],
    noise: Noise,
    kept: list[int],
    dropped: list[int],
    inverted: Inverted,
) -> list[Dependence]:
    """The relation of each dropped column to those kept."""
    own = inverted.equation
    factors = [equation.units[i] / unit for i, unit in zip(kept, own.units, strict=True)]
    crossed = [equation.gram[i, j] * factor for i, factor in zip(kept, factors, strict=True) for j in dropped]
    with precision(inverted.bits):
        weights = inverted.balls * arb_mat(len(kept), len(dropped), crossed)
        variances = [inverted.balls[k, k] * (factor * factor) for k, factor in enumerate(factors)]
        spread = (own.right.transpose() * (inverted.balls * own.right))[1, 1] if equation.fit_intercept else arb(0)
        known = _Known(equation, features, noise, kept, variances, spread)
        return [
            _dependence(known, j, [weights[k, at] * factor for k, factor in enumerate(factors)])
            for at, j in enumerate(dropped)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Of the columns kept, in the integers of `equation`; balls at the precision in force."""

    equation: Centred
    features: Sequence[str]
    noise: Noise
    kept: list[int]
    variances: list[arb]  # the diagonal of A_KK^-1
    spread: arb  # sums' A_KK^-1 sums


def _dependence(known: _Known, j: int, weights: list[arb]) -> Dependence:
    """Of column j, about the sum of `weights` times the columns kept."""
    equation, kept, square = known.equation, known.kept, known.equation.gram[j, j]
    crossed = sum((weight * equation.gram[i, j] for i, weight in zip(kept, weights, strict=True)), arb(0))
    left = 1 - crossed / square if square != 0 else arb(0)
    if not left > 0:
        involved = [i for i, weight in zip(kept, weights, strict=True) if square != 0 and not weight.contains(0)]
        return Dependence(j, tuple(involved), _exact_relation(equation, known.features, j, involved))
    combination = arb_mat(1, equation.n_features)
    combination[0, j] = 1
    for i, weight in zip(kept, weights, strict=True):
        combination[0, i] = -weight
    noise = max(float(left), float(known.noise.along(equation)(combination) / square) / 12)
    least = _SIGNIFICANT**2 * noise / equation.n_samples
    terms, involved = [], []
    for i, weight, variance in zip(kept, weights, known.variances, strict=True):
        if float(weight * weight / (variance * square)) > least:
            involved.append(i)
            terms.append((float(weight * (equation.units[j] / equation.units[i])), known.features[i]))
    if equation.fit_intercept:
        sums = sum((weight * equation.right[i, 1] for i, weight in zip(kept, weights, strict=True)), arb(0))
        constant = (equation.right[j, 1] - sums) / equation.total
        if not terms or float(constant * constant * equation.scale * equation.total / (square * (1 + known.spread))) > least:
            terms.append((float(constant * equation.units[j]), ""))
    return Dependence(j, tuple(involved), relation(known.features[j], terms))


def _exact_relation(equation: Centred, features: Sequence[str], j: int, involved: list[int]) -> str | None:
    """In rationals, from the few columns that are in it."""
    if len(involved) > LONGEST:
        return None
    size = len(involved)
    gram = fmpq_mat(size, size, [equation.gram[a, b] for a in involved for b in involved])
    crossed = fmpq_mat(size, 1, [equation.gram[a, j] for a in involved])
    weights = gram.solve(crossed).entries() if size else []
    if sum((w * equation.gram[i, j] for i, w in zip(involved, weights, strict=True)), fmpq(0)) != equation.gram[j, j]:
        return None
    unit = equation.units[j]
    terms = [(weight * unit / equation.units[i], features[i]) for i, weight in zip(involved, weights, strict=True)]
    if equation.fit_intercept:
        total = sum((weight * equation.right[i, 1] for i, weight in zip(involved, weights, strict=True)), fmpq(0))
        constant = (equation.right[j, 1] - total) * unit / equation.total
        if constant != 0 or not terms:
            terms.append((constant, ""))
    return relation(features[j], terms)
