"""Resident memory of a process and its children, as Linux tells it."""

from pathlib import Path


def now(pid: int) -> int:
    """Bytes held now."""
    return sum(_read(one, "VmRSS") for one in tree(pid))


def own(pid: int) -> int:
    """Bytes held now by the process without its children."""
    return _read(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most bytes held since `forget_peak`, each process at its own moment."""
    return sum(_read(one, "VmHWM") for one in tree(pid))


def forget_peak(pid: int) -> None:
    """Start the peak anew (proc(5), clear_refs)."""
    for one in tree(pid):
        Path(f"/proc/{one}/clear_refs").write_text("5", encoding="ascii")


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            found += tree(int(child))
    return found


def _read(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
