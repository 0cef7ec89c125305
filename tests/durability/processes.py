"""Processes as the system sees them, from /proc."""

from pathlib import Path


def children(pid: int) -> set[int]:
    """The processes that this one has started, and those that they have."""
    parents = {int(stat.parent.name): _parent(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    found: set[int] = set()
    newest = {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest}
        found |= newest
    return found


def workers(pid: int) -> set[int]:
    """The solver's worker processes of a service."""
    return {child for child in children(pid) if "spawn_main" in _command(child)}


def is_alive(pid: int) -> bool:
    """Whether it runs, or could: one that has ended and is not yet collected does not."""
    return _state(Path(f"/proc/{pid}/stat")) not in ("", "Z", "X")


def is_busy(pid: int) -> bool:
    """Whether it is computing at this moment."""
    return _state(Path(f"/proc/{pid}/stat")) == "R"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _fields(stat: Path) -> list[str]:
    """What follows the name, which may hold spaces: state, parent, ..."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:  # it has ended just now
        return []


def _state(stat: Path) -> str:
    return (_fields(stat) or [""])[0]


def _parent(stat: Path) -> int:
    return int((_fields(stat) or ["", "0"])[1])
