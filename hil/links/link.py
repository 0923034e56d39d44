"""What a live link to a CAN segment is for those who use it, whatever adapter or process is behind it."""

import time
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from protocols.core.frame import Frame


def host_us() -> int:
    """The host's monotonic clock (µs); all processes of one machine share it."""
    return time.monotonic_ns() // 1000


class LinkLost(Exception):
    """The adapter does not answer any more; the text says what it said last."""


class BusState(Enum):
    """The error state of our own controller, as far as the adapter tells (ISO 11898-1)."""

    ACTIVE = "active"
    WARNING = "warning"
    PASSIVE = "passive"
    BUS_OFF = "bus-off"


class Heard(NamedTuple):
    """A frame that came in at *at_us*, on the host's monotonic clock (µs): the adapter's stamp where it gives one."""

    frame: Frame
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterChoice:
    """Which adapter to open: python-can's own names; what is None comes from its configuration files and environment."""

    interface: str | None = None
    channel: str | None = None
    bitrate: int | None = None
    """bit/s."""
    context: str | None = None
    """The section of python-can's configuration file."""
    options: tuple[tuple[str, str], ...] = ()
    """Further arguments of the interface, as text."""
    silent: bool = True
    """Do not take part in the bus, not even by acknowledging, where the adapter can."""

    def __post_init__(self) -> None:
        if self.bitrate is not None and not 1_000 <= self.bitrate <= 1_000_000:
            raise ValueError(f"bitrate = {self.bitrate} bit/s: 1000..1000000")


class Link(Protocol):
    """An open link. One thread may receive while another sends."""

    def recv(self, timeout_s: float) -> Heard | None:
        """The next frame, waited for at most *timeout_s*; None if there is none. Raises `LinkLost`."""
        ...

    def send(self, frame: Frame) -> None:
        """Hand *frame* to the controller. Raises `LinkLost`."""
        ...

    def close(self) -> None:
        """Let the adapter go; a second time does nothing."""
        ...
