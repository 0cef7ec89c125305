"""`/models/{id}/summary`: a fitted model as a statistician's table, and the diagnostics of its rows with it."""

import asyncio
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from service.api.bodies import JSON
from service.api.diagnostics import SummaryOut, shown_diagnosis
from service.api.problems import responses
from service.api.services import Services, Use
from service.api.shown import ModelOut, shown_model
from service.jobs.diagnosed import COLUMNS
from service.jobs.diagnosing import reasons_of
from service.jobs.row_figures import MOST_CELLS
from service.jobs.workers import WorkerLost
from service.registry.errors import InlineRowsNotKept, NoRowsKept, NotFound
from service.registry.models import Model
from service.web.notes import notes
from service.web.summary import summary
from service.web.summary_html import POLICY, as_html
from service.web.summary_text import as_text

router = APIRouter(tags=["models"])

Format = Literal["text", "html", "json"]
TEXT, HTML = "text/plain", "text/html"

MANY_ROWS = "not made here, as the rows are many: GET /models/{id}/diagnostics makes them"


class SummarisedOut(BaseModel):
    """A model, what all its rows say of it, and what a reader must know beside the figures."""

    model: ModelOut
    diagnostics: SummaryOut | None = Field(description="null where the rows are gone, or too many to be read for a summary")
    reasons: dict[str, str] = Field(description="why figures of the diagnostics, or all of them, are null, by their names")
    notes: list[str]


@router.get(
    "/models/{model_id}/summary",
    response_model=SummarisedOut,
    responses=responses(NotFound, WorkerLost) | {200: {"content": {TEXT: {"schema": {"type": "string"}}, HTML: {}}}},
)
async def get_summary(
    use: Use,
    model_id: str,
    format: Annotated[Format, Query(description="text, html (a page without scripts) or json")] = "text",  # noqa: A002
) -> Response:
    """The statistician's table: fit, coefficients, residuals, diagnostics, and notes on all that is not plain."""

    def made() -> Response:
        model = use.models.get(model_id)
        shown = shown_model(model, use.datasets)
        diagnostics, reasons = _diagnosed(use, model)
        if format == "json":
            said = notes(shown, reasons)
            body = {"model": shown, "diagnostics": diagnostics, "reasons": reasons, "notes": said}
            return Response(orjson.dumps(body), media_type=JSON)
        table = summary(shown, diagnostics, reasons)
        if format == "html":
            return Response(as_html(table), headers={"Content-Security-Policy": POLICY}, media_type=HTML)
        return Response(as_text(table), media_type=TEXT)

    return await asyncio.to_thread(made)


def _diagnosed(use: Services, model: Model) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """What the rows say, if they are there and few: for a table of one page nobody waits for a pass over millions."""
    try:
        rows = use.fitted_rows.of(model)
        if (rows.stop - rows.start) * max(1, len(model.body["terms"])) > MOST_CELLS:
            return None, {"diagnostics": MANY_ROWS}
        shown, why = shown_diagnosis(use.diagnoses.of(model))
    except NotFound as gone:
        if gone.kind == "model":
            raise
        return None, {"diagnostics": f"made of the rows, which are gone: {gone}"}
    except (NoRowsKept, InlineRowsNotKept) as error:
        return None, {"diagnostics": f"made of the rows: {error}"}
    of_all = {name: why for name, why in reasons_of(model).items() if name not in COLUMNS}
    return shown, of_all | why
