"""Instruments that are not there: a source on a battery model, relays in memory. They pass the same contract as the real ones."""

from collections.abc import Callable, Sequence

from firmware_model.battery.pack import Pack
from hil.instruments.instrument import InstrumentError, Measured, Ratings


class SimulatedSource:
    """A source (and sink) at the terminals of *pack*, which lives up to what *clock* tells (µs) whenever it is looked at."""

    def __init__(self, name: str, ratings: Ratings, pack: Pack, clock: Callable[[], int]) -> None:
        self.name, self.ratings = name, ratings
        self._pack, self._clock = pack, clock
        self._asked = 0.0, 0.0
        self._on = False

    def ask(self, voltage_v: float, current_a: float) -> None:
        """See `Source`."""
        self.ratings.check(self.name, voltage_v, current_a)
        self._settle()
        self._asked = voltage_v, current_a

    def switch(self, *, on: bool) -> None:
        """See `Source`."""
        self._settle()
        self._on = on

    def measure(self) -> Measured:
        """See `Meter`; off, it still sees the battery."""
        self._settle()
        return Measured(self._pack.voltage_v, self._pack.current_a if self._on else 0.0)

    def close(self) -> None:
        """See `Instrument`."""
        self.switch(on=False)

    def _settle(self) -> None:
        pack, (voltage_v, current_a) = self._pack, self._asked
        room_a = (voltage_v - pack.emf_v) / pack.r_ohm
        flows = 0.0
        if self._on:
            flows = min(current_a, max(room_a, 0.0)) if current_a >= 0 else max(current_a, min(room_a, 0.0))
        pack.advance(self._clock(), flows)


class SimulatedRelays:
    """Contacts that remember what they were told."""

    def __init__(self, name: str, contacts: Sequence[str]) -> None:
        self.name = name
        self.closed = dict.fromkeys(contacts, False)

    def set(self, contact: str, *, closed: bool) -> None:
        """See `Relays`."""
        if contact not in self.closed:
            raise InstrumentError(f"{self.name}: no contact {contact!r}; it has {', '.join(self.closed)}")
        self.closed[contact] = closed

    def close(self) -> None:
        """All contacts open."""
        self.closed = dict.fromkeys(self.closed, False)
