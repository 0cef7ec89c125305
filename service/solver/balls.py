"""FLINT's working precision is global to the process: whoever computes with balls holds it here, and puts it back."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from flint import ctx

_precision = RLock()


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work at `bits` bits, alone: the lock is held until the block ends, and the precision before it comes back.

    Nested blocks of one thread are fine. Balls made inside stay right outside; operations on them there would not be
    at this precision, so take figures out as floats.
    """
    with _precision:
        before, ctx.prec = ctx.prec, bits
        try:
            yield
        finally:
            ctx.prec = before
