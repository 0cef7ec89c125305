"""A row of the table: what was measured, against what, and what was asked. Frozen, and written to results.json as it is."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Unit = Literal["s", "/s", "B", "B/s"]
LESS_IS_BETTER = ("s", "B")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asked(_Frozen):
    """How many times faster linefit has to be than a peer, in figures and in the words of the table."""

    least: float
    text: str


class Against(_Frozen):
    """A peer beside linefit. `ratio`: how many times faster linefit is; below 1 it is slower."""

    peer: str
    value: float | None = None
    runs: list[float] = []
    first: float | None = Field(
        None, description="of the run before them, which is not counted: memory and compilers are cold"
    )
    ratio: float | None = None
    asked: Asked | None = None
    note: str = Field("", description="how the peer was run; why it could not be, if it has no value")

    @property
    def is_met(self) -> bool | None:
        """None: nothing is asked, or it is not known."""
        return None if self.asked is None or self.ratio is None else self.ratio >= self.asked.least


class Bound(_Frozen):
    """A figure of linefit's own that has to be at most, or at least, so much."""

    what: str
    value: float | None
    unit: Unit
    limit: float
    text: str = Field(description="the limit in the words of the table")

    @property
    def is_met(self) -> bool | None:
        if self.value is None:
            return None
        return self.value <= self.limit if self.unit in LESS_IS_BETTER else self.value >= self.limit


class Row(_Frozen):
    """A row of the table. `value` is linefit's median, None where it could not be measured, and `note` says why."""

    name: str
    work: str
    unit: Unit = "s"
    value: float | None = None
    runs: list[float] = []
    first: float | None = None
    against: list[Against] = []
    bounds: list[Bound] = []
    note: str = ""
    date: str = ""
    commit: str = ""


def ratio(ours: float, theirs: float, unit: Unit) -> float:
    """How many times faster (or smaller) ours is."""
    return theirs / ours if unit in LESS_IS_BETTER else ours / theirs


def shown(value: float | None, unit: Unit) -> str:
    """A figure with its unit, in three digits or so."""
    if value is None:
        return "–"
    if unit == "B":
        return f"{value / 1e6:,.0f} MB"
    if unit == "/s":
        return f"{float(f'{value:.3g}'):,.0f}/s"
    if unit == "B/s":
        return f"{value / 1e6:,.0f} MB/s"
    for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value * 1e9:.3g} ns"
