"""The timer that keeps discharging on while nobody commands: the DTEN pin allows it, DCTO sets it (LTC6804 data sheet, table
46).
"""

from typing import Final

MINUTES: Final = (0, 0.5, 1, 2, 3, 4, 5, 10, 15, 20, 30, 40, 60, 75, 90, 120)
"""By DCTO: for how long; 0 is not at all."""
LIMITS_US: Final = tuple(round(minutes * 60e6) for minutes in MINUTES)


class DischargeTimer:
    """Runs from each writing of the configuration on (a choice of this model). *pin*: whether DTEN is tied high."""

    def __init__(self) -> None:
        self.pin = False
        self._until_us: int | None = None

    def start(self, code: int, now: int) -> None:
        """DCTO is written as *code* (0 to 15); 0 stops the timer."""
        self._until_us = now + LIMITS_US[code] if self.pin and code else None

    def stop(self) -> None:
        """It is over, or was reset."""
        self._until_us = None

    def runs(self, now: int) -> bool:
        """Whether it keeps the switches at *now*."""
        return self._until_us is not None and now < self._until_us

    def expired(self, now: int) -> bool:
        """Whether it was started and is over, which opens the switches; until it is stopped or started again."""
        return self._until_us is not None and now >= self._until_us

    def left(self, now: int) -> int:
        """What DCTO reads: the lowest code whose time is not less than what is left; 0 if it does not run."""
        if self._until_us is None or now >= self._until_us:
            return 0
        return next(code for code, limit_us in enumerate(LIMITS_US) if limit_us >= self._until_us - now)
