"""What the registry can refuse."""

from collections.abc import Sequence

_A = {"number": "a number", "text": "text", "boolean": "a boolean", "timestamp": "a timestamp"}
MOST_COUNTED = 2**63 - 1  # what a writer of JSON takes: nobody reads how many terms a degree of 10**18 has


class RegistryError(Exception):
    """What was asked of the registry does not fit what it holds."""


class NotFound(RegistryError):
    """Nothing of that name is here."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(kind, name)
        self.kind, self.name = kind, name

    def __str__(self) -> str:
        return f"there is no {self.kind} {self.name!r}"


class DatasetInUse(RegistryError):
    """A job is reading the data set's rows: wait for it, or cancel it."""

    def __init__(self, dataset_id: str, job_id: str) -> None:
        super().__init__(dataset_id, job_id)
        self.dataset_id, self.job_id = dataset_id, job_id

    def __str__(self) -> str:
        return f"{self.dataset_id} is being read by {self.job_id}: wait for the job or cancel it"


class NoRowsKept(RegistryError):
    """The data set was made of moments alone: what needs its rows cannot be done."""

    def __init__(self, dataset_id: str) -> None:
        super().__init__(dataset_id)
        self.dataset_id = dataset_id

    def __str__(self) -> str:
        return f"{self.dataset_id} was made of moments: it has no rows"


class InlineRowsNotKept(RegistryError):
    """The rows came in the call of the fit, and are too many to be kept: make a data set of them."""

    def __init__(self, model_id: str, most_bytes: int) -> None:
        super().__init__(model_id, most_bytes)
        self.model_id, self.most_bytes = model_id, most_bytes

    def __str__(self) -> str:
        return (
            f"the rows of {self.model_id} came in the call and were not kept, as they take more than {self.most_bytes} bytes: "
            "send them to POST /datasets, and fit that"
        )


class NoRowsLeft(RegistryError):
    """All rows of the data set would be taken away: delete the data set instead."""

    def __init__(self, dataset_id: str) -> None:
        super().__init__(dataset_id)
        self.dataset_id = dataset_id

    def __str__(self) -> str:
        return f"no row of {self.dataset_id} would be left: delete the data set instead"


class BadCondition(RegistryError):
    """The condition does not fit the column."""

    def __init__(self, parameter: str, why: str) -> None:
        super().__init__(parameter, why)
        self.parameter, self.why = parameter, why

    def __str__(self) -> str:
        return self.why


class DatasetBusy(RegistryError):
    """Too many requests wait for their turn to change the data set: try again when some are done."""

    def __init__(self, dataset_id: str) -> None:
        super().__init__(dataset_id)
        self.dataset_id = dataset_id

    def __str__(self) -> str:
        return f"too many requests wait for their turn to change {self.dataset_id}"


class ModelInUse(RegistryError):
    """An alias names the model: move or delete the alias first."""

    def __init__(self, model_id: str, alias: str) -> None:
        super().__init__(model_id, alias)
        self.model_id, self.alias = model_id, alias

    def __str__(self) -> str:
        return f"{self.model_id} is what the alias {self.alias!r} stands for: move or delete the alias first"


class ColumnsDiffer(RegistryError):
    """The columns are not those of the data set or model: names are matched, whatever their order."""

    def __init__(self, missing: Sequence[str], unknown: Sequence[str]) -> None:
        super().__init__(tuple(missing), tuple(unknown))
        self.missing, self.unknown = tuple(missing), tuple(unknown)

    def __str__(self) -> str:
        parts = [("missing", self.missing), ("unknown", self.unknown)]
        return "; ".join(f"{what}: {', '.join(map(repr, names))}" for what, names in parts if names)


class TypesDiffer(RegistryError):
    """A column has another type than in the data set or model; the row and value are those of its first cell with one."""

    def __init__(self, column: str, expected: str, got: str, row: int, value: str) -> None:
        super().__init__(column, expected, got, row, value)
        self.column, self.expected, self.got, self.row, self.value = column, expected, got, row, value

    def __str__(self) -> str:
        value = repr(self.value) if self.got == "text" else self.value
        return f"row {self.row}, column {self.column!r}: {value} is {_A[self.got]}, expected {_A[self.expected]}"


class TooManyTerms(RegistryError):
    """The fit would have more terms than this service takes: a lower degree, or fewer columns or categories."""

    def __init__(self, asked: int, limit: int) -> None:
        super().__init__(asked, limit)
        self.asked, self.limit = min(asked, MOST_COUNTED), limit

    def __str__(self) -> str:
        asked = f"at least {self.asked}" if self.asked == MOST_COUNTED else f"{self.asked}"
        return f"{asked} terms or categories are more than the limit of {self.limit}; GET /limits has them all"


class LongCategory(RegistryError):
    """A category is too long to name a term of the fit."""

    def __init__(self, column: str, length: int, limit: int) -> None:
        super().__init__(column, length, limit)
        self.column, self.length, self.limit = column, length, limit

    def __str__(self) -> str:
        return f"column {self.column!r} has a category of {self.length} characters; at most {self.limit} are taken"


class NotSorted(RegistryError):
    """The column is not sorted, so a range of its values is no range of rows."""

    def __init__(self, column: str, row: int) -> None:
        super().__init__(column, row)
        self.column, self.row = column, row

    def __str__(self) -> str:
        return f"column {self.column!r} is not sorted: row {self.row} is missing or below the one before it"


class NotNumeric(RegistryError):
    """A column of text or booleans cannot be a target or weights, and a feature only with categorical "one_hot"."""

    def __init__(self, role: str, column: str, type_: str) -> None:
        super().__init__(role, column, type_)
        self.role, self.column, self.type = role, column, type_

    def __str__(self) -> str:
        hint = ', unless categorical is "one_hot"' if self.role == "feature" else ""
        return f"the {self.role} {self.column!r} is a {self.type} column; a {self.role} must be numeric{hint}"


class AliasMoved(RegistryError):
    """The alias is not what If-Match says: read it again, then decide."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(name, expected)
        self.name, self.expected = name, expected

    def __str__(self) -> str:
        return f"the alias {self.name!r} is no longer at {self.expected}"


class KeyReused(RegistryError):
    """The Idempotency-Key was used before with another request: a key belongs to one request."""

    def __str__(self) -> str:
        return "this Idempotency-Key was used with another request"


class KeyInUse(RegistryError):
    """The first request with this Idempotency-Key is still running: try again when it is done."""

    def __str__(self) -> str:
        return "the first request with this Idempotency-Key is still running"
