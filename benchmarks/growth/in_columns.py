"""Time against columns, from 2 to 2,000, the solver alone: 4,096 rows."""

import statistics

from benchmarks.growth.curves import Curve
from benchmarks.lab import ours

SIZES = (2, 10, 50, 200, 500, 1000, 2000)
ROWS = 4096
LONG_S = 2.0  # who takes longer runs once


def columns() -> list[Curve]:
    """Moments and fit: they are measured together, and are two curves."""
    moments, fits = [], []
    with ours() as worker:
        worker.call("benchmarks.ours:wide", ROWS, SIZES[0])
        for q in SIZES:
            runs = [worker.call("benchmarks.ours:wide", ROWS, q)]
            while len(runs) < 3 and sum(runs[0]) < LONG_S:
                runs.append(worker.call("benchmarks.ours:wide", ROWS, q))
            moments.append((float(q), statistics.median(run[0] for run in runs)))
            fits.append((float(q), statistics.median(run[1] for run in runs)))
    return [
        Curve(name="columns_moments", against="columns", work=f"moments of {ROWS:,} rows", points=moments, theory=2, why="a product a pair"),
        Curve(name="columns_fit", against="columns", work="fit, all figures proven", points=fits, theory=3, why="an inverse; more bits where it is ill-conditioned"),
    ]  # fmt: skip
