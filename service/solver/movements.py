"""By how much a figure moved from step to step, in numbers that add up exactly."""

import math
from collections.abc import Sequence

# Units of what is added up, in the largest of the figures: sums of them in any order are integers below 2^53.
_BITS = 51


def movements(values: Sequence[float | None]) -> tuple[list[float | None], float | None]:
    """How each of values (k,) differs from the last one before it that is known, (k,), and the last from the first.

    The sum of the differences, added up as doubles in their order, is the last one to the bit: they are of values rounded
    to one unit, 2^-51 to 2^-50 of the largest, and so each is within that of what two values differ by. None: unknown, or
    nothing is known before.
    """
    known = [abs(value) for value in values if value is not None]
    exponent = math.frexp(max(known, default=0.0))[1] - _BITS
    moved: list[float | None] = []
    before = first = None
    for value in values:
        if value is None:
            moved.append(None)
            continue
        place = round(math.ldexp(value, -exponent))
        moved.append(None if before is None else math.ldexp(place - before, exponent))
        first = place if first is None else first
        before = place
    if before is None or first is None:
        return moved, None
    return moved, math.ldexp(before - first, exponent)
