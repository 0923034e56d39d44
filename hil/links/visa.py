"""Laboratory instruments through PyVISA: LAN, USB, serial, GPIB (extra `instruments`)."""

from typing import Any

from hil.errors import BadInput
from hil.instruments.instrument import InstrumentError

MISSING = "needs PyVISA; install the extra: pip install 'pilebench[instruments]'"


class VisaLine:
    """An open line to one instrument, what `hil.instruments.scpi` speaks over."""

    def __init__(self, resource: Any, address: str, errors: tuple[type[Exception], ...]) -> None:
        self._resource, self._address, self._errors = resource, address, errors

    def write(self, command: str) -> None:
        """Send *command*. Raises `InstrumentError`."""
        try:
            self._resource.write(command)
        except self._errors as error:
            raise InstrumentError(f"{self._address}: {command!r}: {_words(error)}") from None

    def query(self, command: str) -> str:
        """Send *command* and wait for the answer. Raises `InstrumentError`."""
        try:
            return str(self._resource.query(command))
        except self._errors as error:
            raise InstrumentError(f"{self._address}: {command!r}: {_words(error)}") from None

    def close(self) -> None:
        """Let go."""
        try:
            self._resource.close()
        except self._errors as error:
            raise InstrumentError(f"{self._address}: {_words(error)}") from None


def open_line(address: str, *, library: str = "@py", timeout_ms: int = 2_000, end: str = "\n") -> VisaLine:
    """Open the instrument at VISA *address*. Raises `BadInput`: one line with cause and fix."""
    try:
        import pyvisa
    except ImportError:
        raise BadInput(f"{address}: {MISSING}") from None
    errors = (pyvisa.errors.Error, OSError, ValueError)
    try:
        resource: Any = pyvisa.ResourceManager(library).open_resource(address)
        resource.timeout, resource.read_termination, resource.write_termination = timeout_ms, end, end
    except errors as error:
        raise BadInput(
            f"{address}: {_words(error)}; check the address and the cable (`pyvisa-info` lists what is there)"
        ) from None
    if not isinstance(resource, pyvisa.resources.MessageBasedResource):
        resource.close()
        raise BadInput(f"{address}: nothing that takes commands; an address looks like TCPIP0::192.168.0.5::inst0::INSTR")
    return VisaLine(resource, address, errors)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
