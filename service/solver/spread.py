"""Mean and standard deviation of each column, from the exact sums."""

from service.solver.moments import Moments
from service.solver.rounding import nearest, nearest_root
from service.solver.units import BASE


def means_and_stds(moments: Moments) -> list[tuple[float, float | None]]:
    """The mean and the sample standard deviation (by n - 1) of every column, both the exact ones correctly rounded.

    The deviation of a single row is None. Needs at least one row.
    """
    n, sums, base = moments.n_samples, moments.sums, BASE[moments.numbers]
    result: list[tuple[float, float | None]] = []
    for j, unit in enumerate(moments.units, start=1):
        up, down = base ** max(-unit, 0), base ** max(unit, 0)
        total, square = int(sums[0, j]), int(sums[j, j])
        mean = nearest(total * up, n * down)
        if n == 1:
            result.append((mean, None))
        else:
            result.append((mean, nearest_root((n * square - total * total) * up * up, n * (n - 1) * down * down)))
    return result
