"""Mean and standard deviation of each column, from the exact sums."""

from collections.abc import Sequence

from flint import fmpq

from service.solver.moments import Moments
from service.solver.rounding import nearest, nearest_root
from service.solver.units import BASE


def means_and_stds(moments: Moments, counts: Sequence[int] | None = None) -> list[tuple[float | None, float | None]]:
    """The mean and the sample standard deviation (by n - 1) of every column, both the exact ones correctly rounded.

    Args: counts: how many values each column has, where some are missing and counted as 0 in the sums; None: all.
    Returns: None for the mean of no value, and for the deviation of fewer than two.
    """
    counts = [moments.n_samples] * len(moments.columns) if counts is None else counts
    sums, base = moments.sums, BASE[moments.numbers]
    result: list[tuple[float | None, float | None]] = []
    for j, (unit, n) in enumerate(zip(moments.units, counts, strict=True), start=1):
        up, down = base ** max(-unit, 0), base ** max(unit, 0)
        total, square = int(sums[0, j]), int(sums[j, j])
        mean = nearest(fmpq(total * up, n * down)) if n else None
        if n < 2:
            result.append((mean, None))
        else:
            variance = fmpq((n * square - total * total) * up * up, n * (n - 1) * down * down)
            result.append((mean, nearest_root(variance)))
    return result
