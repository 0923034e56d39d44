"""Refuses what is not physical: every value names its unit by the end of its field's name, and each unit has a range."""

from dataclasses import fields
from math import isfinite
from typing import Final

LIMITS: Final[dict[str, tuple[float, float]]] = {
    "ohm": (1e-9, 1e15), "h": (1e-15, 1e6), "f": (1e-18, 1e6), "v": (-1e9, 1e9), "a": (-1e9, 1e9), "hz": (1e-6, 1e12),
    "deg": (-360.0, 360.0), "ratio": (1e-6, 1e6), "coupling": (-0.999999, 0.999999), "duty": (0.0, 1.0), "us": (0.0, 1e12),
    "shift": (-1.0, 1.0),
}  # fmt: skip
"""Allowed range of a value by the word its field's name ends with."""


def refuse_unphysical(part: object) -> None:
    """Refuse a number of the dataclass *part* outside its unit's range.

    Raises ValueError with the part's name, the field's name, its value, unit and allowed range.
    """
    for field in fields(part):  # type: ignore[arg-type]
        unit, value = field.name.rsplit("_", 1)[-1], getattr(part, field.name)
        if unit not in LIMITS or not isinstance(value, int | float):
            continue
        low, high = LIMITS[unit]
        if not isfinite(value) or not low <= value <= high:
            raise ValueError(f"{title(part)}.{field.name} = {value} {unit}: allowed {low:g} .. {high:g} {unit}")


def title(part: object) -> str:
    """How messages call *part*: its kind, and its name where it has one."""
    name = getattr(part, "name", "")
    return f"{type(part).__name__} {name}" if name else type(part).__name__
