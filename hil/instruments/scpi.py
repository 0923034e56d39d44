"""Instruments that speak SCPI. What makers write differently is data: a dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from hil.instruments.instrument import InstrumentError, Measured, Ratings


class Line(Protocol):
    """Whatever carries the commands."""

    def write(self, command: str) -> None:
        """Send *command*."""
        ...

    def query(self, command: str) -> str:
        """Send *command* and wait for the answer."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The commands of a kind of instrument; ``{}`` stands for the value, sign included."""

    voltage: str = "VOLT {:.3f}"
    current: str = "CURR {:.3f}"
    sink: str = "CURR {:.3f}"
    """For a negative current, which is given as it is; some want its amount by another command."""
    on: str = "OUTP ON"
    off: str = "OUTP OFF"
    measure_voltage: str = "MEAS:VOLT?"
    measure_current: str = "MEAS:CURR?"
    close_contact: str = "ROUT:CLOS (@{})"
    open_contact: str = "ROUT:OPEN (@{})"
    error: str = "SYST:ERR?"
    amounts_only: bool = False
    """The sink's command takes the amount of the current."""


DIALECTS: Final[Mapping[str, Dialect]] = {
    "scpi": Dialect(),
    "source and sink": Dialect(sink="SINK:CURR {:.3f}", amounts_only=True),
    "load": Dialect(current="CURR {:.3f}", on="INP ON", off="INP OFF"),
}
"""By name. "scpi" is what SCPI-99 says for a source; a maker's own is one more row."""


class _Talk:
    """Commands with the instrument's own error queue read behind each."""

    def __init__(self, name: str, line: Line, dialect: Dialect) -> None:
        self.name, self.dialect = name, dialect
        self._line: Line | None = line
        try:
            self.identity = self.query("*IDN?")
        except InstrumentError:
            line.close()
            raise

    def tell(self, command: str) -> None:
        """Send *command*. Raises `InstrumentError` if the instrument has an error in its queue then."""
        self.line.write(command)
        told = self.query(self.dialect.error)
        if told.partition(",")[0].strip().lstrip("+") != "0":
            raise InstrumentError(f"{self.name} ({self.identity}): {command!r}: {told}")

    def query(self, command: str) -> str:
        """The answer to *command*."""
        return self.line.query(command).strip()

    def number(self, command: str) -> float:
        """The answer to *command* as a number."""
        told = self.query(command)
        try:
            return float(told)
        except ValueError:
            raise InstrumentError(f"{self.name} ({self.identity}): {command!r}: {told!r} is no number") from None

    def measured(self) -> Measured:
        """Voltage and current now."""
        return Measured(self.number(self.dialect.measure_voltage), self.number(self.dialect.measure_current))

    @property
    def line(self) -> Line:
        """The open line."""
        if self._line is None:
            raise InstrumentError(f"{self.name}: it was let go")
        return self._line

    def leave(self, *last: str) -> None:
        """Say *last*, whatever comes of it, and let go; a second time does nothing."""
        line, self._line = self._line, None
        if line is None:
            return
        refused = [words for command in last if (words := _refusal(line, command))]
        line.close()
        if refused:
            raise InstrumentError(f"{self.name}: not switched off: {'; '.join(refused)}; do it by hand")


def _refusal(line: Line, command: str) -> str:
    """Why *command* could not be sent; empty if it was. One that fails does not keep the next ones back."""
    try:
        line.write(command)
    except InstrumentError as error:
        return str(error)
    return ""


class ScpiMeter:
    """A meter that only measures: nothing is switched, neither when it is opened nor when it is let go."""

    def __init__(self, name: str, line: Line, dialect: Dialect = DIALECTS["scpi"]) -> None:
        self.name = name
        self._talk = _Talk(name, line, dialect)

    @property
    def identity(self) -> str:
        """What it says it is (`*IDN?`)."""
        return self._talk.identity

    def measure(self) -> Measured:
        """See `Meter`."""
        return self._talk.measured()

    def close(self) -> None:
        """See `Instrument`."""
        self._talk.leave()


class ScpiSource:
    """A source, sink or electronic load. It is off when it was opened, when it is let go, and when a setting was refused."""

    def __init__(self, name: str, ratings: Ratings, line: Line, dialect: Dialect = DIALECTS["scpi"]) -> None:
        self.name, self.ratings = name, ratings
        self._talk = _Talk(name, line, dialect)
        self._talk.tell(dialect.off)

    @property
    def identity(self) -> str:
        """What it says it is (`*IDN?`)."""
        return self._talk.identity

    def ask(self, voltage_v: float, current_a: float) -> None:
        """See `Source`."""
        self.ratings.check(self.name, voltage_v, current_a)
        dialect = self._talk.dialect
        command = dialect.current if current_a >= 0 else dialect.sink
        amount = abs(current_a) if dialect.amounts_only else current_a
        try:
            self._talk.tell(dialect.voltage.format(voltage_v))
            self._talk.tell(command.format(amount))
        except InstrumentError:
            self._talk.line.write(dialect.off)
            raise

    def switch(self, *, on: bool) -> None:
        """See `Source`."""
        self._talk.tell(self._talk.dialect.on if on else self._talk.dialect.off)

    def measure(self) -> Measured:
        """See `Meter`."""
        return self._talk.measured()

    def close(self) -> None:
        """See `Instrument`."""
        self._talk.leave(self._talk.dialect.off)


class ScpiRelays:
    """A box of relays; *contacts* maps our names to its channels."""

    def __init__(self, name: str, contacts: Mapping[str, str], line: Line, dialect: Dialect = DIALECTS["scpi"]) -> None:
        self.name = name
        self._contacts = dict(contacts)
        self._talk = _Talk(name, line, dialect)
        self._all_open()

    def set(self, contact: str, *, closed: bool) -> None:
        """See `Relays`."""
        if contact not in self._contacts:
            raise InstrumentError(f"{self.name}: no contact {contact!r}; it has {', '.join(self._contacts)}")
        dialect = self._talk.dialect
        self._talk.tell((dialect.close_contact if closed else dialect.open_contact).format(self._contacts[contact]))

    def close(self) -> None:
        """All contacts open, and let go."""
        dialect = self._talk.dialect
        self._talk.leave(*(dialect.open_contact.format(channel) for channel in self._contacts.values()))

    def _all_open(self) -> None:
        for channel in self._contacts.values():
            self._talk.tell(self._talk.dialect.open_contact.format(channel))
