"""DC contactors K1, K2 (pile), K5, K6 (vehicle) and K3, K4 (auxiliary supply)."""

from firmware_model.cabinet.travel import Travel


class Contactor:
    """One pole with an auxiliary contact for feedback. Defaults: 150 A DC contactor, close 20 ms, open 10 ms, bounce 2 ms.

    Physical conditions are attributes: *welded* (main contact closed for ever), *stuck_open* (never closes), *slowness*
    (multiplies travel), *feedback_stuck* (None: healthy; else the value that the auxiliary contact always shows).
    """

    def __init__(self, name: str, *, close_us: int = 20_000, open_us: int = 10_000, bounce_us: int = 2_000) -> None:
        self.name = name
        self.welded = False
        self.stuck_open = False
        self.feedback_stuck: bool | None = None
        self.operations = 0
        """How often it was commanded to close."""
        self._travel = Travel(close_us=close_us, open_us=open_us, bounce_us=bounce_us)

    @property
    def wanted(self) -> bool:
        """The coil: True commands closed."""
        return self._travel.wanted

    @property
    def slowness(self) -> float:
        """Multiplies the travel time of commands given from now on."""
        return self._travel.slowness

    @slowness.setter
    def slowness(self, factor: float) -> None:
        self._travel.slowness = factor

    @property
    def bounce_us(self) -> int:
        """How long the contact bounces after it was commanded to close from now on."""
        return self._travel.bounce_us

    @bounce_us.setter
    def bounce_us(self, bounce_us: int) -> None:
        self._travel.bounce_us = bounce_us

    def command(self, closed: bool, now: int) -> None:
        """Energise or release the coil."""
        self.operations += closed and not self._travel.wanted
        self._travel.command(closed, now)

    def closed(self, now: int) -> bool:
        """Whether the main contact conducts."""
        return self.welded or (not self.stuck_open and self._travel.closed(now))

    def feedback(self, now: int) -> bool:
        """The auxiliary contact: mirrors the main contact (IEC 60947-4-1 annex F), once bouncing is over."""
        if self.feedback_stuck is not None:
            return self.feedback_stuck
        return self.closed(now) and (self.welded or not self._travel.wanted or now >= self._travel.settles_at)

    def moving(self, now: int) -> bool:
        """Whether the contact may still change without a further command."""
        return now < self._travel.settles_at
