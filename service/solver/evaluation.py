"""Predictions."""
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Each exact coefficient as the unevaluated sum hi + lo of two doubles, (1 + p,), the intercept's first."""

    hi: tuple[float, ...]
    lo: tuple[float, ...]
