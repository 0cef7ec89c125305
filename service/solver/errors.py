"""What a fit can refuse, as values: the API's table of problems alone knows their HTTP status."""

from collections.abc import Sequence


class SolverError(Exception):
    """Something about the numbers makes the answer impossible."""


class UnreadableNumber(SolverError):
    """A number that cannot be used: `row` (counted from 0, header left out), `column` and `value` say which."""

    def __init__(self, row: int, column: str, value: float) -> None:
        super().__init__(row, column, value)  # so that it pickles: workers are other processes
        self.row, self.column, self.value = row, column, value

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}: {self.value!r}"


class NotFinite(UnreadableNumber):
    """A value is NaN or infinite: every value must be a finite number."""


class OutOfRange(UnreadableNumber):
    """A value is too large or too small: magnitudes must be 0 or within 1e-150 .. 1e150."""


class TooManyDigits(UnreadableNumber):
    """A value has more than 15 significant digits, and is no whole number up to 2^53: round it, or use numbers "float64"."""


class BadWeight(UnreadableNumber):
    """A weight that cannot be one: weights must not be negative, and frequency weights must be whole numbers."""


class ColumnMismatch(SolverError):
    """The columns differ: moments can only be joined if their columns have the same names in the same order."""

    def __init__(self, expected: tuple[str, ...], got: tuple[str, ...]) -> None:
        super().__init__(expected, got)
        self.expected, self.got = expected, got

    def __str__(self) -> str:
        return f"expected columns {list(self.expected)}, got {list(self.got)}"


class ReadingMismatch(SolverError):
    """The readings differ: sums of doubles and sums of decimals do not mix."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected, got)
        self.expected, self.got = expected, got

    def __str__(self) -> str:
        return f"expected numbers {self.expected!r}, got {self.got!r}"


class WeightMismatch(SolverError):
    """Weighted sums and sums without weights do not mix: weigh both sets of rows, or neither."""


class NotContained(SolverError):
    """More rows were to be taken away than there are."""

    def __init__(self, n_samples: int, n_removed: int) -> None:
        super().__init__(n_samples, n_removed)
        self.n_samples, self.n_removed = n_samples, n_removed

    def __str__(self) -> str:
        return f"{self.n_removed} rows cannot be taken from {self.n_samples}"


class UnknownColumn(SolverError):
    """A column that does not exist was named."""

    def __init__(self, column: str, columns: tuple[str, ...]) -> None:
        super().__init__(column, columns)
        self.column, self.columns = column, columns

    def __str__(self) -> str:
        return f"there is no column {self.column!r}; there are {few(self.columns)}"


class AmbiguousTerm(SolverError):
    """Two terms would have the same name: rename the column that is called as a power or a product of others."""

    def __init__(self, term: str) -> None:
        super().__init__(term)
        self.term = term

    def __str__(self) -> str:
        return f"two terms would be called {self.term!r}"


class TooManySlices(SolverError):
    """The exact products are too long: use a lower degree, fewer columns, or values of fewer digits.

    `n_slices` in all, of 22 bits each; `term` is the longest.
    """

    def __init__(self, term: str, n_slices: int, limit: int) -> None:
        super().__init__(term, n_slices, limit)
        self.term, self.n_slices, self.limit = term, n_slices, limit

    def __str__(self) -> str:
        return f"the terms need {self.n_slices} slices, at most {self.limit} are allowed; the longest term is {self.term!r}"


class Diverges(SolverError):
    """The learning rate is too large, each step overshoots by more than it gains: use at most the largest stable."""

    def __init__(self, learning_rate: float, largest_stable: float) -> None:
        super().__init__(learning_rate, largest_stable)
        self.learning_rate, self.largest_stable = learning_rate, largest_stable

    def __str__(self) -> str:
        return f"learning_rate {self.learning_rate!r} diverges; the largest stable one is {self.largest_stable!r}"


class DivergesInBatches(Diverges):
    """The learning rate is too large for batches of these rows: use one that is proven stable for them."""

    def __str__(self) -> str:
        return (
            f"learning_rate {self.learning_rate!r} diverges; rates up to {self.largest_stable!r} are proven stable on average"
        )


class Overflowed(Diverges):
    """The descent was followed as asked, and diverged until its figures fit no float64: there is no model at its end."""

    def __str__(self) -> str:
        return f"learning_rate {self.learning_rate!r} diverged until a coefficient fitted no float64; the job's epochs show it"


class Unresolved(SolverError):
    """The columns are too far apart in scale, or too nearly dependent, for the limit of precision."""

    def __init__(self, bits: int) -> None:
        super().__init__(bits)
        self.bits = bits

    def __str__(self) -> str:
        return f"{self.bits} bits are not enough"


class NoFeatures(SolverError):
    """There is nothing to fit: name at least one feature, or fit an intercept."""


class TooFewRows(SolverError):
    """There are fewer rows than coefficients: send more rows, or fit fewer features."""

    def __init__(self, n_samples: int, n_coef: int) -> None:
        super().__init__(n_samples, n_coef)
        self.n_samples, self.n_coef = n_samples, n_coef

    def __str__(self) -> str:
        return f"{self.n_samples} rows for {self.n_coef} coefficients"


class RankDeficient(SolverError):
    """Some columns are linear combinations of others: drop the dependent ones, or choose how with `rank_deficient`.

    `rank` counts the intercept's column where it is fitted. `dependent` are the columns to drop, each a combination of
    columns before it; `involved` all columns in the combinations; `relations` has a text for each that is short enough to
    read. `to_rounding`: they are dependent only but for the rounding of doubles, and "allow" would fit them.
    """

    def __init__(
        self,
        rank: int,
        dependent: tuple[str, ...],
        relations: tuple[str, ...],
        involved: tuple[str, ...] = (),
        to_rounding: bool = False,
    ) -> None:
        super().__init__(rank, dependent, relations, involved, to_rounding)
        self.rank, self.dependent, self.relations = rank, dependent, relations
        self.involved, self.to_rounding = involved, to_rounding

    def __str__(self) -> str:
        how = " to the rounding of doubles" if self.to_rounding else ""
        return f"rank {self.rank}; dependent{how}: {', '.join(self.relations or self.dependent)}"


class DependentHypotheses(SolverError):
    """A hypothesis says the same as others before it, or contradicts them: leave it out."""

    def __init__(self, hypothesis: int, contradicts: bool) -> None:
        super().__init__(hypothesis, contradicts)
        self.hypothesis, self.contradicts = hypothesis, contradicts

    def __str__(self) -> str:
        what = "contradicts those before it" if self.contradicts else "follows from those before it"
        return f"hypothesis {self.hypothesis} {what}"


class CoefficientOutOfRange(SolverError):
    """A coefficient is larger than the largest double: bring the columns to scales nearer each other."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the coefficient of {self.name!r} exceeds a double"


class NotMoments(SolverError):
    """These are not the sums of products of any rows of numbers, or not in a form that is read exactly."""

    def __init__(self, why: str, place: tuple[str | int, ...] = ()) -> None:
        super().__init__(why, place)
        self.why, self.place = why, place  # the way to it, step by step: ("sums", 0, 1)

    def __str__(self) -> str:
        return self.why


class TooFewClusters(SolverError):
    """All rows are of one cluster: errors that allow for clusters need two at least, and are trusted from some 40 on."""

    def __init__(self, n_clusters: int) -> None:
        super().__init__(n_clusters)
        self.n_clusters = n_clusters

    def __str__(self) -> str:
        return f"{self.n_clusters} cluster; at least 2 are needed"


class TooManyClusters(SolverError):
    """The column of clusters has more different values than their sums have room for: name one that groups the rows."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"more than {self.limit} clusters, which is the limit for a fit of so many terms"


def few(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(map(repr, names[:10])) + (", …" if len(names) > 10 else "")
