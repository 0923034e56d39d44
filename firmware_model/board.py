"""What a circuit board offers the charging firmware: the seam behind which any controller can stand.

Everything that crosses the seam is an integer of fixed width, so that a C structure can hold it (`firmware_model.board_layout`
declares those). `Inputs` and `Outputs` are mutable on purpose: they are the registers of one board, reused on every activation,
because an hour of charging activates the firmware a quarter of a million times.

Limits: 12-bit converters, receive mailboxes of finite depth whose overruns are counted, and a watchdog.
"""

from bisect import bisect_left
from collections.abc import Sequence
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple, Protocol

from protocols.core.frame import Frame

FULL_SCALE: Final = 4095
"""The greatest count of the 12-bit converters."""
MAILBOX_DEPTH: Final = 32
NVM_WORDS: Final = 8
NEVER: Final = 1 << 62
"""A `next_us` beyond every run; it fits an unsigned 64-bit word."""


class Channel(IntEnum):
    """The converter channels, in the order of `Inputs.adc`."""

    STAGE_V = 0
    INTERFACE_V = 1
    OUTPUT_A = 2
    CC1_V = 3
    PLUG_POSITIVE_DEGC = 4
    PLUG_NEGATIVE_DEGC = 5
    AUX_V = 6


CHANNELS: Final = len(Channel)


class Span(NamedTuple):
    """The physical values at count 0 and at `FULL_SCALE`; the front end is linear between them and clamps beyond."""

    low: float
    high: float

    def counts(self, value: float) -> int:
        """The count that a converter shows for *value*."""
        share = (value - self.low) / (self.high - self.low)
        return min(FULL_SCALE, max(0, round(share * FULL_SCALE)))

    def value(self, counts: int) -> float:
        """The physical value in the middle of *counts*."""
        return self.low + (self.high - self.low) * counts / FULL_SCALE


SPANS: Final[tuple[Span, ...]] = (
    Span(0.0, 1200.0),
    Span(0.0, 1200.0),
    Span(-300.0, 300.0),
    Span(0.0, 15.0),
    Span(-50.0, 200.0),
    Span(-50.0, 200.0),
    Span(0.0, 18.0),
)
"""The front end of a pile of up to 1000 V and 250 A, by channel; a larger pile replaces the span of its current."""


class Din(IntFlag):
    """Digital inputs, one bit each."""

    EMERGENCY_STOP = 1 << 0
    START = 1 << 1
    """An authorised start is present (card, back end or button)."""
    STOP = 1 << 2
    LOCKED = 1 << 3
    K1_CLOSED = 1 << 4
    """Auxiliary contacts of the contactors."""
    K2_CLOSED = 1 << 5
    K3_CLOSED = 1 << 6
    K4_CLOSED = 1 << 7
    MAINS_OK = 1 << 8
    STAGE_FAULT = 1 << 9
    DOOR_OPEN = 1 << 10
    EARTH_OK = 1 << 11


class Dout(IntFlag):
    """Digital outputs, one bit each; 0 is the safe level of all but LOCK, which keeps its position without power."""

    LOCK = 1 << 0
    K1K2 = 1 << 1
    K3K4 = 1 << 2
    BLEEDER = 1 << 3
    MONITOR = 1 << 4
    """Switches the bridge of the insulation monitor on."""
    STAGE = 1 << 5
    FAN = 1 << 6
    ALARM = 1 << 7


class Wake(IntFlag):
    """Why the controller is activated; no bit is set when only its own `next_us` was reached."""

    RECEIVED = 1 << 0
    DIGITAL = 1 << 1
    ANALOG = 1 << 2
    """A channel is outside its window."""
    MONITOR = 1 << 3
    """The insulation monitor has a new result."""
    BUS = 1 << 4
    """The error state of the CAN controller has changed."""


class BusState(IntEnum):
    """How far its error counters restrict the CAN controller (ISO 11898-1)."""

    ERROR_ACTIVE = 0
    WARNING = 1
    PASSIVE = 2
    BUS_OFF = 3


class Window(NamedTuple):
    """An analogue watchdog: the board wakes the controller when a sample is outside *low*..*high* (counts, inclusive)."""

    low: int
    high: int


OPEN_WINDOW: Final = Window(0, FULL_SCALE)


class Mailboxes:
    """The receive mailboxes of the CAN controller, filled by its interrupt.

    A frame is seen by the first activation *after* the moment it was put, whatever the order of calls at that moment.
    A frame that finds them full is lost and counted.
    """

    __slots__ = ("_times", "depth", "overruns", "waiting")

    def __init__(self, depth: int = MAILBOX_DEPTH) -> None:
        self.depth = depth
        self.overruns = 0
        self.waiting: list[Frame] = []
        """Oldest first; read only."""
        self._times: list[int] = []  # when each of them was received

    def put(self, frame: Frame, now: int) -> None:
        """Take in *frame*, received at *now* (µs)."""
        if len(self.waiting) >= self.depth:
            self.overruns += 1
            return
        self.waiting.append(frame)
        self._times.append(now)

    def take(self, now: int) -> list[Frame]:
        """Remove and return the frames received before *now*, oldest first."""
        waiting, times = self.waiting, self._times
        if times and times[-1] < now:
            self.waiting, self._times = [], []
            return waiting
        count = bisect_left(times, now)
        self.waiting, self._times = waiting[count:], times[count:]
        return waiting[:count]


class Inputs:
    """What the firmware can read during one activation."""

    __slots__ = (
        "adc",
        "bus_state",
        "gpio",
        "monitor_minus_kohm",
        "monitor_plus_kohm",
        "monitor_results",
        "monitor_valid",
        "nvm",
        "overruns",
        "rx",
        "tick_us",
        "wake",
    )

    def __init__(self) -> None:
        self.tick_us = 0
        """Monotonic time (µs)."""
        self.gpio = 0
        """`Din` bits."""
        self.wake = 0
        """`Wake` bits."""
        self.adc: Sequence[int] = (0,) * CHANNELS
        """Counts by `Channel`."""
        self.monitor_plus_kohm = 0
        self.monitor_minus_kohm = 0
        self.monitor_valid = 0
        """1 when the two resistances are a measurement."""
        self.monitor_results = 0
        """Counts the results of the insulation monitor, modulo 256."""
        self.bus_state = 0
        """A `BusState`."""
        self.rx: Sequence[Frame] = ()
        self.overruns = 0
        """Frames lost because the mailboxes were full, modulo 65536."""
        self.nvm: list[int] = [0] * NVM_WORDS
        """Words of 32 bits that survive a power failure, as they were at power-up."""


class Outputs:
    """What the firmware sets. Power-up values are safe: nothing driven, nothing sent."""

    __slots__ = ("bus_recover", "current_ma", "gpio", "kick", "next_us", "nvm", "tx", "voltage_mv", "windows")

    def __init__(self) -> None:
        self.gpio = 0
        """`Dout` bits."""
        self.voltage_mv = 0
        self.current_ma = 0
        """Set points of the power stage."""
        self.tx: Sequence[Frame] = ()
        """Frames to send, in order; replaced on every activation."""
        self.kick = 0
        """1 serves the watchdog; the board clears it before each activation."""
        self.bus_recover = 0
        """1 orders the CAN controller to drop what waits in its mailboxes and to leave bus-off after 128 times eleven recessive
        bits. Without bus-off it means nothing; the board clears it before each activation.
        """
        self.next_us = NEVER
        """The latest time at which the firmware wants to run again if no input changes."""
        self.windows: list[Window] = [OPEN_WINDOW] * CHANNELS
        self.nvm: list[int] = [0] * NVM_WORDS


class Controller(Protocol):
    """Charging firmware, whatever runs it: Python, a shared library, an emulated or a real processor."""

    def step(self, now: int, inputs: Inputs) -> Outputs:
        """One activation on the task grid at *now* (µs). Never raises for anything in *inputs*.

        The board may leave out an activation when no input changed, no sample left its window and `Outputs.next_us` is not
        reached; leaving it out must then change nothing. The same `Outputs` may be returned every time.
        """
        ...
