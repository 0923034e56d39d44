"""One field of a message, as one line of its declaration.

``u`` declares a number, ``flag`` a 2-bit status, ``text`` characters, ``many`` a repeated group; ``ABSENT`` marks a field that an
edition does not have. Bit order is that of every CAN protocol here: least significant byte first, bit 1 the least significant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from protocols.core.errors import LocalError

if TYPE_CHECKING:
    from protocols.core.message import Message

STATUS: Final[Mapping[int, str]] = {0: "normal", 1: "active", 2: "untrusted"}
"""The usual meaning of a 2-bit status; 3 is not used."""

_MISSING: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field's place and meaning. *value* = *raw* x *lsb* + *offset*; text and groups have neither."""

    bits: int
    """Width on the wire; for a repeated group that of one element."""
    lsb: float = 1
    offset: float = 0
    unit: str = ""
    low: float | None = None
    """Least physical value that the standard declares (None: what the wire can carry). Not enforced by the codec."""
    high: float | None = None
    spn: int | None = None
    """Suspect parameter number; for a repeated group that of its first element."""
    choices: Mapping[int, str] | None = None
    is_text: bool = False
    group: "type[Message] | None" = None
    most: int = 1
    at: int | None = None
    """First bit where it does not follow the field before; the bits between are filled with ones."""
    absent: bool = False
    """Not in this edition: decodes to None, is sent as ones."""
    default: Any = _MISSING
    name: str = ""
    start: int = 0
    """First bit in the message, counted from 0."""

    @property
    def ones(self) -> int:
        """The raw value with every bit set."""
        return (1 << self.bits) - 1

    @property
    def top(self) -> int:
        """The greatest raw value that stands for a number: in an optional field all ones mean "not available"."""
        return self.ones - self.optional

    @property
    def optional(self) -> bool:
        """Whether all ones on the wire mean "not available" and decode to None: so declared by a default of None."""
        return self.default is None

    @property
    def required(self) -> bool:
        """Whether the sender must give a value."""
        return self.default is _MISSING and not self.absent

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest physical value: the declared range, or what the wire can carry where none is declared."""
        low, high = self.carried
        return (low if self.low is None else self.low, high if self.high is None else self.high)

    @property
    def carried(self) -> tuple[float, float]:
        """Least and greatest physical value that the wire can carry."""
        ends = self.physical(0), self.physical(self.top)
        return min(ends), max(ends)

    @property
    def steps(self) -> int:
        """Steps per unit (10 for a resolution of 0.1): integer arithmetic keeps 0.1 exact to the last digit."""
        return round(1 / abs(self.lsb))

    def physical(self, raw: int) -> float:
        """The value that *raw* stands for, in the field's unit."""
        counts = (raw if self.lsb > 0 else -raw) + round(self.offset * self.steps)
        return counts / self.steps if self.steps > 1 else counts

    def raw(self, value: float) -> int:
        """The raw value nearest to *value*, which the wire may be too narrow for."""
        counts = (round(value * float(self.steps)) if self.steps > 1 else round(value)) - round(self.offset * self.steps)
        return counts if self.lsb > 0 else -counts

    def clamp(self, value: Any) -> Any:
        """*value*, or if it is a number that the wire cannot carry, the nearest that it can."""
        if self.is_text or self.group is not None or value is None:
            return value
        low, high = self.carried
        return low if value < low else high if value > high else value  # not a number stays so, for the encoder to refuse

    def with_place(self, name: str, start: int) -> "Field":
        return replace(self, name=name, start=start)


def u(
    bits: int,
    *,
    lsb: float = 1,
    offset: float = 0,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    spn: int | None = None,
    choices: Mapping[int, str] | None = None,
    at: str | None = None,
    default: Any = _MISSING,
) -> Any:
    """An unsigned number of *bits* on the wire, worth raw x *lsb* + *offset* in *unit*.

    *lsb* is ±1 or ±1/n, negative where the wire counts against our sign. *at* is the standard's "byte.bit" (both from 1).
    A *default* of None makes it optional: not given, it is sent as "not available", all ones.
    """
    if round(1 / abs(lsb)) < 1 or abs(round(1 / abs(lsb)) * abs(lsb) - 1) > 1e-9:
        raise LocalError(f"lsb = {lsb}: must be ±1 or ±1/n")
    return Field(
        bits=bits,
        lsb=lsb,
        offset=offset,
        unit=unit,
        low=low,
        high=high,
        spn=spn,
        choices=choices,
        at=_bit(at),
        default=default,
    )


def flag(*, spn: int | None = None, at: str | None = None, choices: Mapping[int, str] = STATUS, default: Any = 0) -> Any:
    """A 2-bit status: 0 normal, 1 active, 2 untrusted, 3 not used (GB/T 27930-2015 C.3)."""
    return Field(bits=2, spn=spn, at=_bit(at), choices=choices, default=default)


def text(length: int, *, spn: int | None = None, default: Any = None) -> Any:
    """*length* characters, one byte each (Latin-1, so that any byte survives); optional, all 0xFF meaning "not available"."""
    return Field(bits=8 * length, spn=spn, is_text=True, default=default)


def many(group: "type[Message]", *, most: int, spn: int | None = None) -> Any:
    """*group* repeated up to *most* times to the end of the message; a tuple of its instances. The only field of its message."""
    assert group.length is not None
    return Field(bits=8 * group.length, group=group, most=most, spn=spn)


ABSENT: Final = object()
"""In an edition's variant of a message: the edition does not have this field."""


def _bit(at: str | None) -> int | None:
    if at is None:
        return None
    byte, bit = at.split(".")
    return 8 * (int(byte) - 1) + int(bit) - 1
