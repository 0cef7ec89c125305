"""Every row by its name, in the table's order."""

from collections.abc import Callable

from benchmarks.figures import Row
from benchmarks.rows import descents, events, predict_many, solver_alone, start, under_load, uploads

ROWS: dict[str, Callable[[], Row]] = {
    function.__name__: function
    for function in (
        solver_alone.fit_doubles, solver_alone.fit_decimals, solver_alone.fit_small, under_load.fit_inline,
        descents.batch_descent, descents.minibatch_epoch, uploads.json_body, uploads.csv, uploads.arrow, uploads.parquet,
        under_load.predict_one, predict_many.predict_many, events.events_p1, events.events_p10, events.events_to_many, start.start,
    )
}  # fmt: skip
