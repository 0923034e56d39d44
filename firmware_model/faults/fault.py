"""A fault as data, and what a run reports about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_model.happenings import PHASES
from protocols.core.errors import LocalError


@dataclass(frozen=True, slots=True)
class Fault:
    """*kind* of fault at *where* (a place of the catalogue), from *at_us* until *until_us* (None: to the end of the run).

    Both times count from the start of the run, or from the moment that the trigger names: the pile's session first entering
    phase *after*, or *when* (`firmware_model.faults.trigger`) first being true; with both, *when* counts from that phase on.
    *args* are the kind's own numbers, each in the unit that its name ends with; what is not given has the catalogue's default.
    """

    at_us: int
    until_us: int | None
    where: str
    kind: str
    args: Mapping[str, float] = field(default_factory=dict)
    after: str | None = None
    when: str | None = None

    def __post_init__(self) -> None:
        if self.at_us < 0:
            raise LocalError(f"at_us = {self.at_us} µs: at least 0")
        if self.until_us is not None and self.until_us <= self.at_us:
            raise LocalError(f"until_us = {self.until_us} µs: must be later than at_us = {self.at_us} µs")
        if self.after is not None and self.after not in PHASES:
            raise LocalError(f"after = {self.after!r}: one of {', '.join(PHASES)}")

    def __str__(self) -> str:
        values = "".join(f", {name}={value:g}" for name, value in self.args.items())
        return f"{self.where} {self.kind}{values}"


@dataclass(frozen=True, slots=True)
class Injected:
    """*fault* is in force from now on."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class TookEffect:
    """*fault* has for the first time made a difference where it was aimed: a frame, a reading, a contact, a variable."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Lifted:
    """*fault* is over."""

    fault: Fault
