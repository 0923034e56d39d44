"""What a bench asks of laboratory instruments, whoever made them: a source or sink of direct current, a meter, relays."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple, Protocol

from hil.interrupts import ended_by_signals


class InstrumentError(Exception):
    """An instrument refused, did not answer, or is beyond its ratings; the text names it, what was asked, and what it said."""


class Measured(NamedTuple):
    """At the terminals; the current is positive out of a source, negative into a sink."""

    voltage_v: float
    current_a: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What an instrument may be asked for on this bench; less than it could do, where the bench wants that."""

    max_v: float
    max_a: float
    sinks: bool = False
    """Whether it takes current back."""

    def __post_init__(self) -> None:
        for name, value, unit in (("max_v", self.max_v, "V"), ("max_a", self.max_a, "A")):
            if not (isfinite(value) and 0.0 < value <= 2_000.0):
                raise ValueError(f"Ratings.{name} = {value} {unit}: above 0, at most 2000")

    def check(self, name: str, voltage_v: float, current_a: float) -> None:
        """Raise `InstrumentError` if *name* must not be asked for these; nothing was sent then."""
        least_a = -self.max_a if self.sinks else 0.0
        if not 0.0 <= voltage_v <= self.max_v:
            raise InstrumentError(f"{name}: {voltage_v:g} V is outside 0..{self.max_v:g} V; nothing was sent")
        if not least_a <= current_a <= self.max_a:
            raise InstrumentError(f"{name}: {current_a:g} A is outside {least_a:g}..{self.max_a:g} A; nothing was sent")


class Instrument(Protocol):
    """Anything with a name that can be let go. Letting go switches it off."""

    name: str

    def close(self) -> None:
        """Off, and let go; a second time does nothing."""
        ...


class Meter(Instrument, Protocol):
    """Measures."""

    def measure(self) -> Measured:
        """Voltage and current now."""
        ...


@contextmanager
def in_use(*instruments: Instrument) -> Iterator[None]:
    """However this is left (its end, an exception, Ctrl-C, SIGTERM, a closed terminal), all *instruments* are switched off and
    let go, the last one first, also when another one refuses. Nobody can do that for a process killed with -9: an instrument that
    feeds a bench needs a watchdog of its own.
    """
    with ended_by_signals(), ExitStack() as stack:
        for instrument in instruments:
            stack.callback(instrument.close)
        yield


class Source(Meter, Protocol):
    """A source of direct current, or a sink where its ratings say so."""

    ratings: Ratings

    def ask(self, voltage_v: float, current_a: float) -> None:
        """Deliver up to *current_a* (negative: take up to so much), but not above (below) *voltage_v*."""
        ...

    def switch(self, *, on: bool) -> None:
        """Output on or off."""
        ...


class Relays(Instrument, Protocol):
    """Contacts by name: CC1's resistors, K3/K4, whatever the bench has."""

    def set(self, contact: str, *, closed: bool) -> None:
        """Close or open *contact*."""
        ...
