"""Least squares from the moments, every figure the exact one correctly rounded.

The normal equation is solved in ball arithmetic, at doubled precision until both ends of the ball of every figure round
to the same double: that is the proof that it is the exact one rounded. What balls cannot decide, because the exact figure
is 0 or midway between two doubles, is decided in rationals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from service.solver.centre import Expansion, expansion
from service.solver.centred import Centred, centred
from service.solver.condition import condition_number
from service.solver.correlation import Inverted
from service.solver.dependence import Dependences, dependences
from service.solver.errors import CoefficientOutOfRange, NoFeatures, TooFewRows
from service.solver.evaluation import Evaluation
from service.solver.figures import Method, figures
from service.solver.glance import EXACT, LIKELIHOOD, UNBOUNDED, Counts, Glance
from service.solver.last_place import LastPlaces, last_places
from service.solver.minimum_norm import minimum_norm
from service.solver.moments import Moments
from service.solver.noise import Noise
from service.solver.penalty import as_read, penalised
from service.solver.plain import plain
from service.solver.rounding import TOO_LARGE, finite
from service.solver.rounding_rank import dependent_to_rounding
from service.solver.scaled import Scaled
from service.solver.slopes import Slopes
from service.solver.solution import counts_of
from service.solver.support import supported_digits
from service.solver.terms import Terms

RankPolicy = Literal["error", "allow", "drop", "minimum_norm"]

CONSTANT_TARGET = "the target is constant: there is no variation to explain"
ZERO_TARGET = "the target is zero everywhere: there is nothing to explain"
NO_DF = "as many coefficients as rows: no degrees of freedom are left"
PENALISED = "penalised: the coefficients are biased towards 0 on purpose"
NOT_UNIQUE = "the columns are linearly dependent: many coefficients fit as well"
NO_FEATURES = "no feature is fitted"
LONG_RELATION = "a linear combination of columns before it"


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A fit. A figure that does not exist, or exceeds a double, is None, and `reasons` says why under its name."""

    n_samples: int  # with weights: of rows that have one
    feature_names: tuple[str, ...]
    fit_intercept: bool
    intercept: float  # 0.0 when not fitted
    coef: tuple[float | None, ...]  # (p,) None: dropped
    std_error: tuple[float | None, ...]  # intercept first when fitted
    sigma: float | None  # sqrt(sum of weighted squared residuals / df_resid)
    mse: float | None  # sum of weighted squared residuals / sum of weights
    rmse: float | None
    r2: float | None  # about the (weighted) mean; about 0 without an intercept
    glance: Glance
    df_resid: int
    rank: int  # of the columns, that of ones included when the intercept is fitted
    theta: Evaluation  # intercept and coef in twice the digits; 0 for dropped columns
    evaluation: Evaluation  # what predictions use: theta, or the same polynomial about a centre
    scaled: Scaled | None = None  # coefficients as they are to be read, if scales were given
    dropped: tuple[str, ...] = ()
    condition_number: float | None = None
    supported_digits: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> list[str]:
        """The features that were not dropped."""
        return [name for name in self.feature_names if name not in self.dropped]

    @property
    def is_determined(self) -> bool:
        """Whether the rows leave the coefficients of those that were kept no choice."""
        return self.rank == len(self.kept) + self.fit_intercept


def least_squares(
    moments: Moments,
    target: str,
    features: Sequence[str],
    fit_intercept: bool = True,
    *,
    l2: float = 0.0,
    rank_deficient: RankPolicy = "error",
    terms: Terms | None = None,
    scales: Sequence[int] = (),
) -> LeastSquares:
    """Fit `target` on `features` by least squares, weighted if the moments are.

    Args: l2: penalise the coefficients, not the intercept: (mean of squares) + l2 |coef|^2. rank_deficient: what becomes of
    columns that are linear combinations of others; terms: what the features are made of, in their order, if they are not
    columns of the rows as they are; scales: (p,) what coefficients are multiplied by to be read, penalised, or shortest.
    Raises: UnknownColumn; NoFeatures: nothing to fit; TooFewRows: fewer rows than coefficients; RankDeficient: a
    column is a linear combination of others; CoefficientOutOfRange: a coefficient exceeds a double.
    """
    names = tuple(features)
    chosen = moments.select((*names, target))
    if terms is not None and tuple(term.name for term in terms.each) != names:
        raise ValueError("the features are not the terms")
    equation = centred(chosen, fit_intercept)
    n, n_coef = equation.n_samples, len(names) + fit_intercept
    if n_coef == 0:
        raise NoFeatures
    if l2:
        if n == 0:
            raise TooFewRows(n, 1)
        return _penalised(names, penalised(equation, as_read(l2, chosen.numbers), scales), _about(chosen, terms), scales)
    if n < (n_coef if rank_deficient in ("error", "allow") else 1):
        raise TooFewRows(n, n_coef)
    places = last_places(chosen, equation, () if terms is None else terms.made_exactly)
    inverted = Inverted.of(equation)
    is_to_rounding = rank_deficient != "allow"
    noise = Noise.of(chosen, places, terms)
    if inverted is not None and not (is_to_rounding and dependent_to_rounding(inverted, noise)):
        return _full_rank(chosen, inverted, places, terms, _about(chosen, terms), scales)
    found = dependences(equation, names, noise, is_to_rounding, inverted)
    if rank_deficient in ("error", "allow"):
        raise found.refusal(equation, names)
    if rank_deficient == "drop":
        return _dropped(chosen, places, terms, found, scales)
    return _shortest(equation, names, found, _about(chosen, terms), scales)


def _about(chosen: Moments, terms: Terms | None) -> Expansion | None:
    return None if terms is None else expansion(chosen, chosen.columns[-1], terms)


def _full_rank(
    chosen: Moments,
    inverted: Inverted,
    places: LastPlaces,
    terms: Terms | None,
    about: Expansion | None,
    scales: Sequence[int],
) -> LeastSquares:
    equation, names = inverted.equation, chosen.columns[:-1]
    rank = len(names) + equation.fit_intercept
    df = equation.n_samples - rank
    answers = figures(plain(inverted, df), about, scales)
    condition: float | None = condition_number(inverted)
    digits, reasons = None, {}
    if condition == math.inf:
        condition, reasons["condition_number"] = None, TOO_LARGE
    if names:
        n_coef = len(names) + equation.fit_intercept
        coef: list[Any] = answers[equation.fit_intercept : n_coef]
        mse: Any = answers[n_coef]
        slopes = None if terms is None else Slopes.of(chosen, inverted, places, terms)
        digits = supported_digits(inverted, places, [value for value, _ in coef], mse, slopes)
    else:
        reasons["supported_digits"] = NO_FEATURES
    return _reported(
        equation, names, answers, df, rank, reasons, about, scales, condition_number=condition, supported_digits=digits
    )


def _dropped(
    chosen: Moments, places: LastPlaces, terms: Terms | None, found: Dependences, scales: Sequence[int]
) -> LeastSquares:
    """The fit of the columns that are kept, and nothing for the others."""
    *names, target = chosen.columns
    about = _about(chosen, terms)
    fit = _full_rank(
        chosen.select([*(names[i] for i in found.kept), target]),
        found.inverted,
        places.select(found.kept),
        None if terms is None else terms.select(found.kept),
        None if about is None else about.select(found.kept),
        [scales[i] for i in found.kept] if scales else (),
    )
    first = len(fit.std_error) - len(found.kept)
    place = {j: i for i, j in enumerate(found.kept)}
    columns = [place.get(j) for j in range(len(names))]
    hi, lo = (part[:1] + tuple(0.0 if i is None else part[1 + i] for i in columns) for part in (fit.theta.hi, fit.theta.lo))
    theta = Evaluation(hi, lo)
    return replace(
        fit,
        feature_names=tuple(names),
        coef=tuple(None if i is None else fit.coef[i] for i in columns),
        std_error=fit.std_error[:first] + tuple(None if i is None else fit.std_error[first + i] for i in columns),
        theta=theta,
        evaluation=fit.evaluation if fit.evaluation.centre else theta,
        scaled=None if fit.scaled is None else fit.scaled.placed(columns, scales),
        dropped=tuple(names[one.column] for one in found.dropped),
        reasons=fit.reasons | {names[one.column]: f"dropped: {one.relation or LONG_RELATION}" for one in found.dropped},
    )


def _shortest(
    equation: Centred, names: tuple[str, ...], found: Dependences, about: Expansion | None, scales: Sequence[int]
) -> LeastSquares:
    rank = len(found.kept) + equation.fit_intercept
    df = equation.n_samples - rank
    method = minimum_norm(equation, found.kept, df, scales)
    reasons = dict.fromkeys(("condition_number", "supported_digits"), NOT_UNIQUE)
    return _reported(method.equation, names, figures(method, about, scales), df, rank, reasons, about, scales)


def _penalised(names: tuple[str, ...], method: Method, about: Expansion | None, scales: Sequence[int]) -> LeastSquares:
    equation = method.equation
    rank = len(names) + equation.fit_intercept
    reasons = dict.fromkeys(("sigma", "std_error", "condition_number", "supported_digits"), PENALISED)
    df = max(0, equation.n_samples - rank)
    return _reported(equation, names, figures(method, about, scales), df, rank, reasons, about, scales)


def _reported(
    equation: Centred,
    names: tuple[str, ...],
    known: Sequence[Any],
    df: int,
    rank: int,
    reasons: dict[str, str],
    about: Expansion | None,
    scales: Sequence[int],
    condition_number: float | None = None,
    supported_digits: float | None = None,
) -> LeastSquares:
    """Name the figures, and say why those are missing that are; `reasons` says it of some."""
    known, expanded = _expanded(known, about)
    n_coef = len(names) + equation.fit_intercept
    counts = counts_of(equation, None if reasons.get("sigma") == PENALISED else df)
    known, scaled = _apart(known, n_coef + 2 + counts.varies + counts.n_figures, names, scales)
    theta = list(known[:n_coef])
    if not equation.fit_intercept:
        theta.insert(0, (0.0, 0.0))
    hi, lo = zip(*theta, strict=True)
    if math.inf in hi or -math.inf in hi:
        raise CoefficientOutOfRange(("intercept", *names)[[math.isinf(value) for value in hi].index(True)])
    mse, rmse, *rest = known[n_coef:]
    r2 = rest.pop(0) if counts.varies else None
    whole = counts.named(rest)
    sigma, *std_error = rest[counts.n_figures :] or [None] * (1 + n_coef)
    reasons = (dict.fromkeys(("sigma", "std_error"), NO_DF) if sigma is None else {}) | reasons
    if r2 is None:
        reasons["r2"] = CONSTANT_TARGET if equation.fit_intercept else ZERO_TARGET
    reasons |= _reasons_of_the_whole(counts, whole, reasons)
    if math.inf in known:
        named = {"sigma": (sigma,), "mse": (mse,), "rmse": (rmse,), "std_error": std_error}
        reasons |= {name: TOO_LARGE for name, values in named.items() if math.inf in values}
    evaluation = Evaluation(hi, lo)
    return LeastSquares(
        n_samples=equation.n_samples,
        feature_names=names,
        fit_intercept=equation.fit_intercept,
        intercept=hi[0],
        coef=hi[1:],
        std_error=tuple(map(finite, std_error)),
        sigma=finite(sigma),
        mse=finite(mse),
        rmse=finite(rmse),
        r2=r2,
        glance=Glance(rank - equation.fit_intercept, **{name: finite(value) for name, value in whole.items()}),
        df_resid=df,
        rank=rank,
        theta=evaluation,
        evaluation=expanded or evaluation,
        scaled=scaled,
        condition_number=condition_number,
        supported_digits=supported_digits,
        reasons=reasons,
    )


def _expanded(known: Sequence[Any], about: Expansion | None) -> tuple[Sequence[Any], Evaluation | None]:
    """The figures without those of the expansion, which come last, and this; None: there is none that doubles hold."""
    if about is None:
        return known, None
    first = len(known) - len(about.sizes)
    known, pairs = known[:first], known[first:]
    if any(math.isinf(hi) for hi, _ in pairs):
        return known, None
    return known, Evaluation(tuple(hi for hi, _ in pairs), tuple(lo for _, lo in pairs), about.centre)


def _reasons_of_the_whole(counts: Counts, known: Mapping[str, float], reasons: Mapping[str, str]) -> dict[str, str]:
    """Why figures of the fit as a whole do not exist."""
    if not counts.df:
        return dict.fromkeys(("r2_adj", "f_statistic", *LIKELIHOOD), reasons["sigma"])
    found = {} if counts.varies else dict.fromkeys(("r2_adj", "f_statistic"), reasons["r2"])
    if counts.varies and not counts.df_model:
        found["f_statistic"] = NO_FEATURES
    if math.inf in known.values() or -math.inf in known.values():
        is_exact = math.inf in [known[name] for name in LIKELIHOOD]
        why = {"f_statistic": EXACT} | dict.fromkeys(LIKELIHOOD, UNBOUNDED) if is_exact else {}
        found |= {name: why.get(name, TOO_LARGE) for name, value in known.items() if math.isinf(value)}
    return found


def _apart(
    known: Sequence[Any], n_first: int, names: Sequence[str], scales: Sequence[int]
) -> tuple[Sequence[Any], Scaled | None]:
    """The figures without those that were asked for with scales, and these.

    Args: n_first: how many there are before the standard errors, if there are any. Raises: CoefficientOutOfRange.
    """
    if not scales:
        return known, None
    p = len(scales)
    first = len(known) - (p if len(known) == n_first + p else 2 * p)
    coef, std_error = known[first : first + p], known[first + p :] or [None] * p
    for name, value in zip(names, coef, strict=True):
        if math.isinf(value):
            raise CoefficientOutOfRange(name)
    return known[:first], Scaled(tuple(scales), tuple(coef), tuple(map(finite, std_error)))
