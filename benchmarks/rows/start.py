"""From the command to the first answer, and what the process holds then."""

from contextlib import ExitStack

import numpy as np

from benchmarks import memory, servers
from benchmarks.figures import Bound, Row
from benchmarks.lab import theirs
from benchmarks.measure import Peer, Sample, compete
from benchmarks.rows.under_load import FEATURES, mlserver
from benchmarks.worker import CallFailed

MB = 1_000_000
H2O = "benchmarks.peers.h2o_cluster"


def start() -> Row:
    """On an empty data folder; nothing has been asked of it yet."""
    held_bytes: dict[str, int] = {}

    def linefit() -> Sample:
        with servers.linefit() as server:
            held_bytes["linefit"] = server.idle_bytes
            return server.start_s, ()

    def other() -> Sample:
        with mlserver(None, np.eye(FEATURES + 1)[:, :FEATURES], np.arange(FEATURES + 1.0)) as server:
            held_bytes["MLServer"] = server.idle_bytes
            return server.start_s, ()

    with ExitStack() as held:
        row = compete("start", "start to first answer, and idle memory", "s", linefit, [
            Peer("MLServer with one sklearn model", other), _h2o(held, held_bytes),
        ])  # fmt: skip
    against = [
        one.model_copy(update={"note": f"idle memory {held_bytes[key] / MB:.0f} MB"}) if one.value is not None else one
        for one, key in zip(row.against, ("MLServer", "H2O"), strict=True)
    ]
    bounds = [
        Bound(what="time to the first answer", value=row.value, unit="s", limit=1.5, text="under 1.5 s"),
        Bound(what="idle memory", value=held_bytes["linefit"], unit="B", limit=150 * MB, text="under 150 MB"),
    ]
    return row.model_copy(update={"against": against, "bounds": bounds})


def _h2o(held: ExitStack, held_bytes: dict[str, int]) -> Peer:
    name = "H2O-3"
    peers = held.enter_context(theirs())
    if peers is None:
        return Peer(name, None, note="its packages could not be installed here")

    def run() -> Sample:
        seconds = peers.call(f"{H2O}:start")
        held_bytes["H2O"] = memory.now(peers.pid) - memory.own(peers.pid)
        peers.call(f"{H2O}:stop")
        return float(seconds), ()

    try:
        run()
    except CallFailed as error:
        return Peer(name, None, note=f"did not start: {str(error).strip().splitlines()[-1]}")
    return Peer(name, run)
