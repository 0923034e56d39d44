"""Refusing values that no device can have."""

from math import isfinite
from typing import Final

HUGE: Final = 1e12
TINY: Final = 1e-15


def within(name: str, value: float, unit: str, *, low: float, high: float) -> None:
    """Refuse *value* outside *low* .. *high* (both allowed) or no number: ValueError with name, value, unit and range."""
    if not isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} = {value} {unit}: allowed {low:g} .. {high:g} {unit}")


def positive(name: str, value: float, unit: str, *, high: float = HUGE) -> None:
    """Refuse *value* unless it is greater than zero and at most *high*."""
    if not isfinite(value) or not 0.0 < value <= high:
        raise ValueError(f"{name} = {value} {unit}: allowed above 0 .. {high:g} {unit}")
