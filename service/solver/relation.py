"""How a column depends on others, in words: "x3 = x1 + 2*x2 - 0.5", or "x3 ≈ …" where it does so only to rounding."""

from collections.abc import Sequence

from flint import fmpq

# A relation with more terms, or a longer number, than this helps nobody and is left out.
LONGEST = 6
_LONGEST_NUMBER = 12


def relation(column: str, terms: Sequence[tuple[fmpq | float, str]]) -> str | None:
    """Write `column` as the sum of weights times names, the constant's being empty; None if that is too long to read.

    Weights are exact, or doubles of which six digits are shown.
    """
    numbers = [_number(-weight if weight < 0 else weight) for weight, _ in terms]
    if len(terms) > LONGEST or max(map(len, numbers), default=0) > _LONGEST_NUMBER:
        return None
    text = "".join(
        f" {'-' if weight < 0 else '+'} {_term(number, name)}" for number, (weight, name) in zip(numbers, terms, strict=True)
    )
    signed = text[3:] if text.startswith(" + ") else text.replace(" - ", "-", 1)
    return f"{column} {'≈' if any(isinstance(weight, float) for weight, _ in terms) else '='} {signed or '0'}"


def _term(number: str, name: str) -> str:
    if not name:
        return number
    return name if number == "1" else f"{number}*{name}"


def _number(value: fmpq | float) -> str:
    """As a decimal if it is a short one, else as a fraction; a double to six digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    places = value * 10**6
    if places.q == 1:
        digits = f"{int(places.p):07d}"
        return f"{digits[:-6]}.{digits[-6:]}".rstrip("0").rstrip(".")
    return f"{value.p}/{value.q}"
