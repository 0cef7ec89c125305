"""What a request can ask wrongly, before anything below is asked; `problems` has how each is answered."""

from service.ingest.errors import WrongType

MOST_COUNTED = 2**63 - 1  # what a writer of JSON takes: nobody reads how many terms a degree of 10**18 has
SHOWN_CATEGORIES = 10  # as many of a column's categories does a message repeat


class ApiError(Exception):
    """The request cannot be served as it is."""


class BodyTooLarge(ApiError):
    """The body is larger than this service takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"the body, or what it unpacks to, is larger than the limit of {self.limit} bytes; GET /limits has them all"


class BodyTimeout(ApiError):
    """The body stopped coming before its end."""

    def __init__(self, idle_s: float) -> None:
        super().__init__(idle_s)
        self.idle_s = idle_s

    def __str__(self) -> str:
        return f"nothing more of the body came for {self.idle_s:g} s"


class NotReady(ApiError):
    """The database does not answer as it should."""


class IncompleteBody(ApiError):
    """The client went away before its body had come; nobody reads this answer."""


class StorageFull(ApiError):
    """The disk does not take it, as when it is full: nothing of it was kept."""


class UnsupportedMediaType(ApiError):
    """The body's Content-Type is not one that this call reads."""

    def __init__(self, content_type: str, supported: tuple[str, ...]) -> None:
        super().__init__(content_type, supported)
        self.content_type, self.supported = content_type, supported

    def __str__(self) -> str:
        what = f"Content-Type {self.content_type!r}" if self.content_type else "a body without a Content-Type"
        return f"{what} is not read here; send {', '.join(self.supported)}"


class UnsupportedEncoding(ApiError):
    """The body's Content-Encoding is not one that is unpacked here."""

    def __init__(self, encoding: str, supported: tuple[str, ...]) -> None:
        super().__init__(encoding, supported)
        self.encoding, self.supported = encoding, supported

    def __str__(self) -> str:
        return f"Content-Encoding {self.encoding!r} is not unpacked here; send {' or '.join(self.supported)}, or the body as it is"


class NotAcceptable(ApiError):
    """None of the forms in Accept is one that this call answers in."""

    def __init__(self, supported: tuple[str, ...]) -> None:
        super().__init__(supported)
        self.supported = supported

    def __str__(self) -> str:
        return f"this call answers in {', '.join(self.supported)}"


class NotSupported(ApiError):
    """It is designed but not built yet."""

    def __init__(self, pointer: str, what: str) -> None:
        super().__init__(pointer, what)
        self.pointer, self.what = pointer, what

    def __str__(self) -> str:
        return f"{self.what} is not supported yet"


class OptionNotUsed(ApiError):
    """The method does not use this option: leave it out, or choose the method that does."""

    def __init__(self, option: str, method: str) -> None:
        super().__init__(option, method)
        self.option, self.method = option, method
        self.pointer = f"/{option}"

    def __str__(self) -> str:
        return f"{self.method} does not use {self.option!r}"


class InvalidValue(ApiError):
    """A value cannot be used here."""

    def __init__(self, pointer: str, why: str, *, parameter: str | None = None) -> None:
        super().__init__(pointer, why)
        self.pointer, self.why, self.parameter = pointer, why, parameter

    def __str__(self) -> str:
        return self.why


class OverLimit(ApiError):
    """More is asked for than a limit of this service allows."""

    def __init__(self, pointer: str, what: str, asked: int, limit: int, *, parameter: str | None = None) -> None:
        super().__init__(pointer, what, asked, limit)
        self.pointer, self.what, self.limit, self.parameter = pointer, what, limit, parameter
        self.asked = min(asked, MOST_COUNTED)

    def __str__(self) -> str:
        asked = f"at least {self.asked}" if self.asked == MOST_COUNTED else f"{self.asked}"
        return f"{asked} {self.what} are more than the limit of {self.limit}; GET /limits has them all"


class WrongParameter(WrongType):
    """A feature in the query is of another type than in the model."""

    @property
    def parameter(self) -> str:
        return self.column

    def __str__(self) -> str:
        return f"{self.column}: {self.value!r} is not {self.expected}"


class InvalidKey(ApiError):
    """An Idempotency-Key must have 1 to 255 visible ASCII characters."""


class PredictionOutOfRange(ApiError):
    """A prediction does not fit a float64."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row

    def __str__(self) -> str:
        return f"the prediction of row {self.row} is larger than a float64 can be"


class UnseenCategory(ApiError):
    """A row has a category that the model was not fitted with: on_unseen "baseline" would take it for the baseline."""

    def __init__(self, row: int, column: str, value: str, known: tuple[str, ...]) -> None:
        super().__init__(row, column, value, known)
        self.row, self.column, self.value, self.known = row, column, value, known[:SHOWN_CATEGORIES]

    def __str__(self) -> str:
        known = ", ".join(map(repr, self.known)) + (", …" if len(self.known) == SHOWN_CATEGORIES else "")
        return f"row {self.row}: the model was not fitted with {self.column} = {self.value!r}, but with {known}"


class NoInterval(ApiError):
    """The model cannot say how sure its predictions are."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        self.pointer = "/interval"

    def __str__(self) -> str:
        return f"the model has no intervals: {self.why}"


class NotTestable(ApiError):
    """The model is none of which this can be said: its fit is not the unique least-squares one, has no standard errors, or no data set."""

    def __init__(self, model_id: str, why: str, pointer: str | None = None) -> None:
        super().__init__(model_id, why, pointer)
        self.model_id, self.why, self.pointer = model_id, why, pointer
        self.parameter = "model_id" if pointer is None else None

    def __str__(self) -> str:
        return f"this cannot be said of {self.model_id}: {self.why}"


class NotComparable(ApiError):
    """The two are not of the same kind, or not of the same rows where they must be: `differs` says in what."""

    def __init__(self, differs: str, why: str, pointer: str) -> None:
        super().__init__(differs, why, pointer)
        self.differs, self.why, self.pointer = differs, why, pointer

    def __str__(self) -> str:
        return f"{self.differs}: {self.why}"
