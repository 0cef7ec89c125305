"""What the C library does with memory that is free again."""

import ctypes
import sys
from typing import Any

KEPT_BYTES = 32 << 20  # the most that mallopt takes for M_MMAP_THRESHOLD
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed() -> None:
    """Let each heap of glibc keep so much of what is free, which else goes back to the system after a few hundred KB.

    In threads numpy's temporaries then have new pages each time: predictions of 100,000 x 20 took 67 ms and now 18, of decimals
    900 and now 380. Once something large was free glibc did as much by itself. Four uploads of 200 MB leave 45 MB more held.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)


def give_back() -> None:
    """Give what is free now back to the system: of a start, whose imports read and drop much, some 7 MB."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    """A function of it; None: this is another C library, as musl is."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
