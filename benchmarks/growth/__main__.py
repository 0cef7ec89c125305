"""The command: `python -m benchmarks.growth [WHAT …]`."""

import signal
import sys
from collections.abc import Callable

from benchmarks import pages, report, results
from benchmarks.growth import in_clients, in_columns, in_models, in_rows, side_by_side
from benchmarks.growth.curves import Curve

CURVES: dict[str, Callable[[], list[Curve]]] = {
    "rows": lambda: [in_rows.rows_solver(), in_rows.rows_upload()],
    "columns": in_columns.columns,
    "models": in_models.models,
    "clients": in_clients.clients,
}
BESIDE = "beside"


def main(names: list[str]) -> int:
    """Measure what is named, or all, and write down what was found after each."""
    known = [BESIDE, *CURVES]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such growth: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    for name in names or known:
        print(f"{name} …", flush=True)
        commit = results.commit()
        if name == BESIDE:
            beside = [one.model_copy(update={"commit": commit}) for one in side_by_side.side_by_side()]
            print(report.beside(beside), flush=True)
            pages.write(results.with_beside(beside))
            continue
        curves = [curve.model_copy(update={"commit": commit}) for curve in CURVES[name]()]
        print(report.growth(curves), flush=True)
        for curve in curves:
            pages.write(results.with_curve(curve))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped on the way out
    sys.exit(main(sys.argv[1:]))
