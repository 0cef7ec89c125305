"""Moments in the body of a data set: read, checked and added up."""

from collections.abc import Sequence

from service.api.errors import InvalidValue
from service.api.problems import Where
from service.api.services import Limits
from service.ingest import names
from service.ingest.errors import BadName
from service.ingest.json_rows import DatasetBody, MomentsBody
from service.solver.errors import NotMoments
from service.solver.exchange import MOST_SAMPLES, moments_from
from service.solver.moments import Moments

Sent = MomentsBody | Sequence[MomentsBody]


def summed(body: DatasetBody, sent: Sent, limits: Limits) -> Moments:
    """The moments of all rows, whoever has them.

    Raises: InvalidValue: other fields are sent as well; NotMoments: with its place below `moments`; BadName, NoColumns,
        TooManyColumns, Unresolved.
    """
    _refuse_others(body)
    total: Moments | None = None
    for number, one in enumerate(_several(sent)):
        try:
            total = _added(total, one, body, limits)
        except NotMoments as error:
            raise NotMoments(error.why, error.place if isinstance(sent, MomentsBody) else (number, *error.place)) from None
    assert total is not None  # noqa: S101 (a list of moments has at least one)
    return total


def where(sent: Sent) -> Where:
    """Where in the body the place is that an error speaks of."""

    def place(error: Exception) -> str:
        if isinstance(error, NotMoments):
            return "".join(f"/{step}" for step in ("moments", *error.place))
        first = "/moments" if isinstance(sent, MomentsBody) else "/moments/0"
        if isinstance(error, BadName):
            columns = _several(sent)[0].columns
            at = max((j for j, name in enumerate(columns) if name == error.name), default=None)
            return f"{first}/columns" + ("" if at is None else f"/{at}")
        return f"{first}/columns"

    return place


def _several(sent: Sent) -> Sequence[MomentsBody]:
    return [sent] if isinstance(sent, MomentsBody) else sent


def _refuse_others(body: DatasetBody) -> None:
    for field in ("columns", "X", "y", "feature_names", "target_name", "sample", "window"):
        if getattr(body, field) is not None:
            raise InvalidValue(f"/{field}", "cannot be used with moments")


def _added(total: Moments | None, one: MomentsBody, body: DatasetBody, limits: Limits) -> Moments:
    if total is None:
        names.checked(one.columns, limits.max_columns)
    elif len(one.columns) != len(total.columns) or set(one.columns) != set(total.columns):
        raise NotMoments("the columns differ from those of the first moments", ("columns",))
    found = moments_from(one.columns, one.sums, one.numbers, one.places, one.n_samples)
    if one.digest is not None and one.digest != found.digest():
        raise NotMoments(f"the sums have the digest {found.digest()}", ("digest",))
    if "numbers" in body.model_fields_set and body.numbers != found.numbers:
        raise NotMoments(f"they are sums of {found.numbers} numbers, not of {body.numbers}", ("numbers",))
    if total is None:
        return found
    if found.numbers != total.numbers:
        raise NotMoments(f"sums of {found.numbers} numbers do not add to sums of {total.numbers} ones", ("numbers",))
    if total.n_samples + found.n_samples > MOST_SAMPLES:
        raise NotMoments(f"together there are more than {MOST_SAMPLES} rows", ("sums", 0, 0))
    return total + found.select(total.columns)
