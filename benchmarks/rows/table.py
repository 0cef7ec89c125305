"""Every row by its name, in the table's order."""

from collections.abc import Callable

from benchmarks.figures import Row
from benchmarks.rows import solver_alone, under_load, uploads

ROWS: dict[str, Callable[[], Row]] = {
    function.__name__: function
    for function in (
        solver_alone.fit_doubles, solver_alone.fit_decimals, solver_alone.fit_small, under_load.fit_inline,
        uploads.json_body, uploads.csv, uploads.arrow, uploads.parquet, under_load.predict_one,
    )
}  # fmt: skip
