"""Where a polynomial with exact coefficients is at most 0: its real roots, isolated, and its sign between them."""

from __future__ import annotations

import math
from typing import Any

from flint import arb, fmpq, fmpq_poly

from service.solver.balls import precision
from service.solver.rounding import double

Region = tuple[float, float]  # both ends are in it; an infinite one is none

_BITS = 128  # of each root, relative to it


def at_most_nothing(polynomial: fmpq_poly) -> tuple[Region, ...]:
    """In order and apart; where it touches 0 from above, a region of one point."""
    degree = polynomial.degree()
    leading = polynomial[degree] if degree >= 0 else fmpq(0)
    is_inside = (-leading if degree % 2 else leading) <= 0
    found: list[Region] = []
    start = -math.inf
    for root, multiplicity in real_roots(polynomial):
        if multiplicity % 2 == 0:
            if not is_inside:
                found.append((root, root))
        elif is_inside:
            found.append((start, root))
            is_inside = False
        else:
            start, is_inside = root, True
    if is_inside:
        found.append((start, math.inf))
    return tuple(found)


def real_roots(polynomial: fmpq_poly) -> list[tuple[float, int]]:
    """Rising, each rounded once, with its multiplicity; infinite beyond a double. Of 0, which has them everywhere, none."""
    degree = polynomial.degree()
    if degree <= 0:
        return []
    if degree == 1:
        return [(double(-polynomial[0] / polynomial[1]), 1)]
    return _of_square(polynomial) if degree == 2 else _isolated(polynomial)


def _of_square(polynomial: fmpq_poly) -> list[tuple[float, int]]:
    """Of the two the one that does not cancel, and the other from their product: 10 us, where to isolate them takes 200."""
    c, b, a = polynomial[0], polynomial[1] / 2, polynomial[2]
    square = b * b - a * c
    if square < 0:
        return []
    if square == 0:
        return [(double(-b / a), 2)]
    with precision(_BITS):
        far = -(arb(b) + arb(square).sqrt() * (1 if b > 0 else -1))
        ends = sorted(float(root.mid()) + 0.0 for root in (far / arb(a), arb(c) / far))
    return [(end, 1) for end in ends]


def _isolated(polynomial: fmpq_poly) -> list[tuple[float, int]]:
    """FLINT gives those that are real an imaginary part of exactly 0."""
    with precision(_BITS):
        isolated: Any = polynomial.numer().complex_roots()  # pairs, whatever its stub says
        roots = [(root.real.mid(), count) for root, count in isolated if root.imag == 0]
        roots.sort(key=lambda root: root[0].fmpq())
        return [(float(value) + 0.0, int(count)) for value, count in roots]
