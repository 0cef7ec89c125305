"""The command: `python -m benchmarks [ROW …]`."""

import signal
import sys
import traceback

from benchmarks import pages, report, results
from benchmarks.figures import Row
from benchmarks.measure import NotBuilt
from benchmarks.rows.table import ROWS


def main(names: list[str]) -> int:
    """Measure the rows that are named, or all, and write down what was found after each."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
        return 2
    failed = 0
    for name in names or ROWS:
        print(f"{name} …", flush=True)
        try:
            row = ROWS[name]()
        except NotBuilt as error:
            row = Row(name=name, work=(ROWS[name].__doc__ or name), note=f"not built: {error}")
        except Exception:
            traceback.print_exc()
            failed += 1
            continue
        print(report.full([row]), flush=True)
        pages.write(results.with_row(results.stamped(row), list(ROWS)))
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped on the way out
    sys.exit(main(sys.argv[1:]))
