"""Medians of interleaved runs: linefit, peer, linefit, peer, so that what disturbs the machine disturbs both."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.environments import Unavailable
from benchmarks.figures import Against, Asked, Row, Unit, ratio

ROUNDS = 5
FEWEST = 3  # runs, however long; of one that takes longer than LONG_S, one less
LONG_S = 8.0  # who has used so much has no more runs than the fewest

Sample = tuple[float, Sequence[float]]  # the figure, and the answer, which has to be the right one
Run = Callable[[], Sample]


class NotBuilt(Exception):
    """linefit answers that this is not supported yet."""


class Differs(Exception):
    """Two contestants gave different answers: a time of something wrong is worth nothing."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer: how it runs, and to how many digits its answer has to be linefit's; None: it gives none that compare."""

    name: str
    run: Run | None  # None: it cannot be had, and `note` says why
    asked: Asked | None = None
    digits: float | None = None
    note: str = ""


@dataclass(slots=True)
class _Taken:
    name: str
    run: Run
    runs: list[float] = field(default_factory=list)
    spent_s: float = 0.0
    first: float | None = None  # of the run that is not counted
    first_s: float = 0.0  # what it took in all
    answer: Sequence[float] = ()
    why_not: str = ""

    @property
    def goes_on(self) -> bool:
        fewest = FEWEST if self.first_s < LONG_S else FEWEST - 1
        return not self.why_not and (len(self.runs) < fewest or self.spent_s < LONG_S)

    def take(self) -> None:
        started = time.perf_counter()
        value, self.answer = self.run()
        self.runs.append(value)
        self.spent_s += time.perf_counter() - started

    @property
    def median(self) -> float | None:
        return statistics.median(self.runs) if self.runs else None


def compete(name: str, work: str, unit: Unit, ours: Run, peers: Sequence[Peer], rounds: int = ROUNDS) -> Row:
    """Run all by turns and compare the medians. The first run of each warms up, and is not counted.

    Raises: Differs: a peer's answer is not linefit's.
    """
    linefit = _Taken("linefit", ours)
    taken = [linefit, *(_Taken(peer.name, peer.run) for peer in peers if peer.run is not None)]
    for one in taken:
        _warm(one, is_ours=one is linefit)
    for _ in range(rounds):
        for one in taken:
            if one.goes_on:
                one.take()
    for peer in peers:
        found = next((one for one in taken if one.name == peer.name), None)
        if found is not None and peer.digits is not None and not found.why_not:
            _compare(linefit.answer, found, peer.digits)
    median = linefit.median
    assert median is not None
    against = [_against(peer, next((o for o in taken if o.name == peer.name), None), median, unit) for peer in peers]
    return Row(name=name, work=work, unit=unit, value=median, runs=linefit.runs, first=linefit.first, against=against)


def _warm(one: _Taken, *, is_ours: bool) -> None:
    try:
        started = time.perf_counter()
        one.first, _ = one.run()
        # A process touches fresh memory here, which on a virtual machine may take longer than the work (2.5 s for 0.9 s).
        one.spent_s = one.first_s = time.perf_counter() - started
    except Unavailable as error:
        if is_ours:
            raise
        one.why_not = str(error)


def _compare(ours: Sequence[float], found: _Taken, digits: float) -> None:
    theirs = found.answer
    scale = max(map(abs, ours), default=0.0)
    if not theirs or not all(
        math.isclose(a, b, rel_tol=0, abs_tol=10**-digits * scale) for a, b in zip(ours, theirs, strict=False)
    ):
        raise Differs(f"linefit {list(ours)[:4]}, {found.name} {list(theirs)[:4]}")


def _against(peer: Peer, found: _Taken | None, ours: float, unit: Unit) -> Against:
    if found is None or found.median is None:
        return Against(peer=peer.name, asked=peer.asked, note=found.why_not if found is not None else peer.note)
    return Against(
        peer=peer.name,
        value=found.median,
        runs=found.runs,
        first=found.first,
        ratio=ratio(ours, found.median, unit),
        asked=peer.asked,
        note=peer.note,
    )
