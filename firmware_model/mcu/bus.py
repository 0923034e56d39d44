"""What the firmware does about its CAN controller: it leaves bus-off by order, after a pause, and not for ever.

ISO 11898-1 leaves the return from bus-off to the host. A bus-off now and then is noise, and the session outlives it; several
within a short time mean that the bus cannot be trusted, and the charge is ended as on an interrupted communication.
"""

from collections import deque

from firmware_model.board import NEVER, BusState
from firmware_model.mcu.settings import ControllerSettings

_OFF = int(BusState.BUS_OFF)


class BusWatch:
    """Counts how often the controller went bus-off. *lost* says that it was too often."""

    def __init__(self, settings: ControllerSettings) -> None:
        self.due = NEVER
        """When `look` wants to be called at the latest (µs)."""
        self.lost = False
        self._pause_us, self._window_us = settings.bus_off_pause_us, settings.bus_off_window_us
        self._offs: deque[int] = deque(maxlen=settings.bus_off_limit)
        self._recover_at: int | None = None

    def look(self, state: int, now: int) -> bool:
        """Take note of the error state (`BusState`); whether the controller is to return to the bus now."""
        if state != _OFF:
            self._recover_at = None
        elif self._recover_at is None:
            self._offs.append(now)
            self._recover_at = now + self._pause_us
        recent = bool(self._offs) and now - self._offs[-1] <= self._window_us
        many = len(self._offs) == self._offs.maxlen and self._offs[-1] - self._offs[0] <= self._window_us
        self.lost = recent and many
        order = self._recover_at is not None and self._recover_at <= now
        if order:
            self._recover_at = NEVER  # ordered; another bus-off begins with another state first
        self.due = NEVER if self._recover_at is None else self._recover_at
        if self.lost:
            self.due = min(self.due, self._offs[-1] + self._window_us + 1)
        return order
