"""How many digits of the coefficients the data support, each value being good to half a unit of its last place."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log10, sqrt

from flint import fmpq, fmpz

from service.solver.centred import Centred
from service.solver.correlation import Inverted
from service.solver.last_place import LastPlaces
from service.solver.rounding import double, nearest_root, quotient
from service.solver.slopes import Slopes

# What a double holds: log10(2**53).
MOST_DIGITS = 15.95


def supported_digits(
    inverted: Inverted, places: LastPlaces, coef: Sequence[float], mse: float, slopes: Slopes | None = None
) -> float:
    """The digits of the worst coefficient that is not 0, from 0 to 15.95; the intercept is not looked at.

    To first order in errors that are independent and uniform, u wide, u being each column's last place: with
    s^2 = (u_y^2 + sum_k coef_k^2 u_k^2) / 12 and C = (X'X)^-1 the variance of coef_j is
    s^2 C_jj + sum_k C_jk^2 u_k^2 rss / 12. rss / n is `mse`.

    `slopes`: of terms that are products of the columns that have errors. coef_k is then the derivative of the fitted value
    by column k, and C_jk that of its weights in coef_j: polynomials, whose mean squares over the rows are taken.

    Source: Hodges and Moore, Data uncertainties and least squares regression (1972), with uniform errors.
    """
    equation = inverted.equation
    square = equation.target_square
    if equation.fit_intercept:
        square = (square + equation.target_sum * equation.target_sum) // equation.total
    if square == 0 or not (places.target or any(places.sent)):
        return MOST_DIGITS
    unit = equation.target_unit
    over, under = int(unit.p * unit.p * square), int(unit.q * unit.q * equation.total)
    mean_square = quotient(over, under)
    # The mean square of a target of 1e-150 is no double where weights are small too.
    unexplained = mse / mean_square if mean_square else double(fmpq(*mse.as_integer_ratio()) * under / over)
    # Each coefficient times the length of its column, in lengths of the target.
    parts = [abs(value) * _length(equation, i, square) if value else 0.0 for i, value in enumerate(coef)]
    sent = [(k, place) for k, place in enumerate(places.sent) if place]
    if slopes is None:
        noise = places.target + sum(parts[k] * parts[k] * place for k, place in sent)
        moved = None
    else:
        fitted, moved = slopes.moved(
            [part if value > 0 else -part for part, value in zip(parts, coef, strict=True)], places.target, unexplained
        )
        noise = places.target + fitted
    worst = 0.0
    for j, row in enumerate(inverted.inverse_correlation):
        if coef[j] == 0:
            continue
        variance = noise * row[j]
        if unexplained:
            variance += unexplained * (sum([row[k] * row[k] * place for k, place in sent]) if moved is None else moved[j])
        worst = max(worst, sqrt(variance / (12 * equation.n_samples)) / parts[j] if parts[j] else inf)
    return min(MOST_DIGITS, max(0.0, -log10(worst))) if worst else MOST_DIGITS


def _length(equation: Centred, i: int, square: fmpz) -> float:
    """The length of a column over that of the target, in the units as sent."""
    relative = equation.units[i] / equation.target_unit
    p, q = relative.p, relative.q
    own, other = p * p * equation.gram[i, i], q * q * equation.scale * square
    length = sqrt(quotient(int(own), int(other)))
    # The square of a length that is a double may be none.
    return length if 0 < length < inf else nearest_root(fmpq(own, other)) or inf
