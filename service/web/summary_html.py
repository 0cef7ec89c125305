"""A summary as a page of its own: without scripts, in dark and light, on screens and on paper.

jinja2 escapes all that is put into the page: names of columns come from anybody.
"""

from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from service.web.figures import aligned
from service.web.summary import Summary

# Should a name ever find a way out of its place, the page may still load and run nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def as_html(summary: Summary) -> str:
    """A whole document."""
    terms, *columns = zip(*summary.coefficients, strict=True) if summary.coefficients else [()] * len(summary.heads)
    rows = [*zip(terms, *map(aligned, columns), strict=True)]
    page: str = _template().render(summary=summary, rows=rows)
    return page


@cache
def _template() -> Any:
    """jinja2 is imported when it is first asked for: 75 ms of a start, for which few requests would wait."""
    jinja2 = import_module("jinja2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files("service.web").joinpath("summary.html").read_text(encoding="utf-8"))
