"""CAN adapters through python-can: its interfaces, its names of options, its configuration files and contexts."""

import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import can

from hil.errors import BadInput
from hil.links.lawicel import StatusFlags
from hil.links.link import AdapterChoice, BusState, Heard, LinkLost, host_us
from protocols.core.frame import Frame

SILENT: Final[Mapping[str, Mapping[str, Any]]] = {
    "slcan": {"listen_only": True},
    "kvaser": {"driver_mode": False},
    "pcan": {"state": can.BusState.PASSIVE},
}
"""How an interface is told to listen only. The others are opened normally; then only our own restraint keeps them silent."""

FIXES: Final[Mapping[int, str]] = {
    errno.ENOENT: "plug it in, or name the right channel; `pilebench doctor` lists what is there",
    errno.ENODEV: "plug it in, or name the right channel; `pilebench doctor` lists what is there",
    errno.EACCES: "give your user the right to it (serial ports: sudo usermod -aG dialout $USER, then log in again)",
    errno.EPERM: "give your user the right to it (serial ports: sudo usermod -aG dialout $USER, then log in again)",
    errno.EBUSY: "another program has it open; close that first",
    errno.EAGAIN: "another program has it open; close that first",
    errno.EAFNOSUPPORT: "this system has no SocketCAN (Linux: sudo modprobe can can-raw vcan)",
    errno.ENETDOWN: "bring it up: sudo ip link set <channel> up type can bitrate 250000",
}
REFUSALS: Final = (can.CanError, OSError, ValueError, TypeError, ImportError, NotImplementedError, AttributeError, NameError)
"""What the interfaces of python-can raise when they cannot be opened: missing drivers end in names that were never bound."""
TROUBLES: Final = (can.CanError, OSError, ValueError, TypeError, AttributeError)
"""What they raise when the adapter goes while it is in use. A closed serial port turns up as a TypeError or AttributeError."""

SEND_S: Final = 0.04
"""How long an adapter may refuse a frame. The keeper cannot end a charge safely while it waits for one."""
STAMP_WINDOW_US: Final = 10_000_000
"""Over which the adapter's clock is compared with ours: shorter than what 50 ppm need for half a millisecond."""
ERROR_BUS_OFF, ERROR_CONTROLLER, ERROR_RESTARTED = 0x40, 0x04, 0x100
"""Classes of SocketCAN's error frames."""


class StampClock:
    """Maps an adapter's time stamps onto the host's monotonic clock.

    A frame cannot arrive before it was stamped, and sometimes arrives at once: the least delay seen in a window is the offset
    between both clocks. What is left of the stamps is their spacing, free of the host's delays.
    """

    def __init__(self) -> None:
        self._offset_us: float | None = None
        self._next_us: float | None = None
        self._until_us = 0

    def map(self, stamp_us: float, arrived_us: int) -> int:
        """The host's time of *stamp_us*, never after *arrived_us*."""
        delay = arrived_us - stamp_us
        if self._offset_us is None or arrived_us > self._until_us or delay < self._offset_us - 1e6:
            stale = self._next_us is None or self._until_us + STAMP_WINDOW_US < arrived_us
            self._offset_us = delay if stale else self._next_us
            self._next_us, self._until_us = delay, arrived_us + STAMP_WINDOW_US
        assert self._offset_us is not None and self._next_us is not None
        self._next_us = min(self._next_us, delay)
        self._offset_us = min(self._offset_us, delay)
        return min(arrived_us, round(stamp_us + self._offset_us))


class _ReadAhead:
    """A serial port that python-can's slcan may go on reading byte by byte: each system call fetches all that is there. Without
    it about 1 500 frames a second come through, with it more than a full bus has.
    """

    def __init__(self, port: Any) -> None:
        self._port = port
        self._ready, self._at = b"", 0

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        return len(self._ready) - self._at or int(self._port.in_waiting)

    def read(self, size: int = 1) -> bytes:
        """At most *size* bytes, waited for as long as the port does."""
        at = self._at
        if at >= len(self._ready):
            self._ready, at = self._port.read(max(size, self._port.in_waiting)), 0
        self._at = min(at + size, len(self._ready))
        return self._ready[at : at + size]

    @property
    def write_timeout(self) -> float | None:
        """How long a write may take (s); None: for ever. It has to reach the port: an adapter that hangs must not hang us."""
        timeout_s: float | None = self._port.write_timeout
        return timeout_s

    @write_timeout.setter
    def write_timeout(self, timeout_s: float | None) -> None:
        self._port.write_timeout = timeout_s

    def reset_input_buffer(self) -> None:
        """Forget what was received, read ahead or not."""
        self._ready, self._at = b"", 0
        self._port.reset_input_buffer()

    def flush(self) -> None:
        """Do not wait until the last byte has left: the port sends it by itself, and the wait can take a tick of the kernel."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class Adapter:
    """An open adapter, a `Link`."""

    def __init__(self, bus: can.BusABC, *, silent: bool, flags: StatusFlags | None = None) -> None:
        self._bus: can.BusABC | None = bus
        self._flags = flags
        self._stamps = StampClock()
        self.silent = silent
        """Whether the controller itself was told to listen only."""
        self.state = BusState.ACTIVE
        self.error_frames = 0
        self.held = ExitStack()
        """What is held as long as the adapter is open."""

    def recv(self, timeout_s: float) -> Heard | None:
        """The next data frame; error frames only change `state`."""
        if self._bus is None:
            raise LinkLost("closed")
        try:
            if self._flags is not None:
                self._flags.poll()
            message = self._bus.recv(timeout_s)
        except TROUBLES as error:
            raise LinkLost(_words(error)) from None
        if self._flags is not None:
            self.state, self.error_frames = self._flags.state, self._flags.errors
        if message is None:
            return None
        if message.is_error_frame:
            self._note_error(message)
            return None
        if message.is_remote_frame or message.is_fd:
            return None
        at_us = self._stamps.map(message.timestamp * 1e6, host_us())
        return Heard(Frame(message.arbitration_id, bytes(message.data), message.is_extended_id), at_us)

    def send(self, frame: Frame) -> None:
        """Hand *frame* to the controller."""
        if self._bus is None:
            raise LinkLost("closed")
        message = can.Message(arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.extended, check=False)
        try:
            self._bus.send(message, timeout=SEND_S)
        except TROUBLES as error:
            raise LinkLost(_words(error)) from None

    def close(self) -> None:
        """Let the adapter go, whatever state it is in."""
        bus, self._bus = self._bus, None
        if bus is not None:
            if self._flags is not None:
                self._flags.leave()
            try:
                bus.shutdown()
            except TROUBLES:
                # It is gone already, which is what we want; python-can would complain again in its destructor.
                bus._is_shutdown = True
        self.held.close()

    def _note_error(self, message: can.Message) -> None:
        self.error_frames += 1
        kind, data = message.arbitration_id, bytes(message.data).ljust(8, b"\0")
        if kind & ERROR_BUS_OFF:
            self.state = BusState.BUS_OFF
        elif kind & ERROR_CONTROLLER and data[1] & 0x30:
            self.state = BusState.PASSIVE
        elif kind & ERROR_CONTROLLER and data[1] & 0x0C:
            self.state = BusState.WARNING
        elif kind & ERROR_RESTARTED or (kind & ERROR_CONTROLLER and data[1] & 0x40):
            self.state = BusState.ACTIVE


def open_adapter(choice: AdapterChoice) -> Adapter:
    """Open what *choice* names. Raises `BadInput`: one line with cause and fix. Nothing is transmitted by opening."""
    try:
        config = _config(choice)
        interface = str(config["interface"])
        if config.get("receive_own_messages"):
            raise ValueError("receive_own_messages: we would hear ourselves; leave it out")
        quiet = SILENT.get(interface, {}) if choice.silent else {}
        with _quiet():
            bus = can.Bus(config_context=choice.context, **{**config, **quiet})
    except REFUSALS as error:
        raise BadInput(_explained(choice, error)) from None
    flags = None
    if interface == "slcan":
        port = bus.serialPortOrig = _ReadAhead(bus.serialPortOrig)  # type: ignore[attr-defined]
        port.write_timeout = SEND_S
        flags = StatusFlags(bus)
    return Adapter(bus, silent=bool(quiet), flags=flags)


@contextmanager
def _quiet() -> Iterator[None]:
    """What python-can's modules print about missing libraries when they are loaded stands in our one line, if it matters."""
    logger, before = logging.getLogger("can"), logging.getLogger("can").level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def resolved(choice: AdapterChoice) -> tuple[str, str]:
    """Interface and channel that *choice* comes to with python-can's configuration. Raises `BadInput`."""
    try:
        config = _config(choice)
    except REFUSALS as error:
        raise BadInput(_explained(choice, error)) from None
    return str(config["interface"]), str(config.get("channel"))


def _config(choice: AdapterChoice) -> dict[str, Any]:
    """Everything python-can will be given, its own configuration included."""
    given: dict[str, Any] = {name: _value(text) for name, text in choice.options}
    for name in ("interface", "channel", "bitrate"):
        if (value := getattr(choice, name)) is not None:
            given[name] = value
    config = dict(can.util.load_config(config=given, context=choice.context))
    return config


def _value(text: str) -> Any:
    """An option as python-can wants it: a number or a truth value where it looks like one."""
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _explained(choice: AdapterChoice, error: BaseException) -> str:
    """One line: what was to be opened, why not, what to do."""
    name = f"{choice.interface or 'adapter'} {choice.channel or ''}".strip()
    number = getattr(error, "errno", None) or getattr(error, "error_code", None)
    if isinstance(error, can.CanInterfaceNotImplementedError):
        known = ", ".join(sorted(can.VALID_INTERFACES))
        if choice.interface in can.VALID_INTERFACES:
            return f"{name}: {_words(error)}: the driver or its Python package is missing; install it (`pilebench doctor`)"
        what = "no adapter named" if choice.interface is None else f"{name}: no such interface"
        return f"{what}; --interface is one of {known}, or set it in python-can's configuration"
    if isinstance(error, ImportError | NameError | AttributeError):
        return f"{name}: the driver or its Python package is missing ({_words(error)}); install it (`pilebench doctor`)"
    fix = FIXES.get(number, "check --interface, --channel, --bitrate and the cable") if isinstance(number, int) else _fix(error)
    return f"{name}: {_words(error)}; {fix}"


def _fix(error: BaseException) -> str:
    text = str(error).lower()
    if "argument: 'channel'" in text or "specify a" in text:
        return "name its --channel, for example /dev/ttyACM0, can0, PCAN_USBBUS1"
    if "required positional argument" in text:
        return "give what is missing with --option NAME=VALUE"
    if "library not found" in text or "not available" in text:
        return "install the maker's driver (`pilebench doctor` names it)"
    for words, number in (("no such", errno.ENOENT), ("permission", errno.EACCES), ("busy", errno.EBUSY), ("lock", errno.EBUSY)):
        if words in text:
            return FIXES[number]
    if "bitrate" in text or "bit rate" in text:
        return "choose a --bitrate that the adapter has; GB/T 27930 uses 250000"
    return "check --interface, --channel, --bitrate and the cable"
