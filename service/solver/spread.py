"""Mean and standard deviation of each column, from the exact sums."""

from flint import fmpq

from service.solver.moments import Moments
from service.solver.rounding import nearest, nearest_root
from service.solver.units import BASE


def means_and_stds(moments: Moments) -> list[tuple[float | None, float | None]]:
    """The mean and the sample standard deviation (by n - 1) of every column, both the exact ones correctly rounded.

    The deviation of a single row is None. Needs at least one row.
    """
    n, sums, base = moments.n_samples, moments.sums, BASE[moments.numbers]
    result: list[tuple[float | None, float | None]] = []
    for j, unit in enumerate(moments.units, start=1):
        up, down = base ** max(-unit, 0), base ** max(unit, 0)
        total, square = int(sums[0, j]), int(sums[j, j])
        mean = fmpq(total * up, n * down)
        if n == 1:
            result.append((nearest(mean), None))
        else:
            variance = fmpq((n * square - total * total) * up * up, n * (n - 1) * down * down)
            result.append((nearest(mean), nearest_root(variance)))
    return result
