"""The electronic lock of the connector (GB/T 18487.1-2015): locked before any output, unlocked only below 60 V."""

from firmware_model.cabinet.travel import Travel


class Lock:
    """A motor bolt with a feedback switch; 300 ms from end to end (assumption).

    Conditions: *jammed* (stays where it is), *feedback_stuck* (None: healthy), *slowness*. Cutting the supply leaves the bolt
    where it is.
    """

    def __init__(self, *, travel_us: int = 300_000) -> None:
        self.feedback_stuck: bool | None = None
        self._travel = Travel(close_us=travel_us, open_us=travel_us)

    @property
    def jammed(self) -> bool:
        """Whether the bolt is stuck."""
        return self._travel.stuck

    @jammed.setter
    def jammed(self, jammed: bool) -> None:
        self._travel.stuck = jammed

    @property
    def slowness(self) -> float:
        """Multiplies the travel time of commands given from now on."""
        return self._travel.slowness

    @slowness.setter
    def slowness(self, factor: float) -> None:
        self._travel.slowness = factor

    @property
    def settles_at(self) -> int:
        """When the last commanded movement is over (µs)."""
        return self._travel.settles_at

    def command(self, locked: bool, now: int) -> None:
        """Drive the bolt."""
        self._travel.command(locked, now)

    def locked(self, now: int) -> bool:
        """Whether the bolt holds the plug."""
        return self._travel.closed(now)

    def feedback(self, now: int) -> bool:
        """What the switch says."""
        return self.locked(now) if self.feedback_stuck is None else self.feedback_stuck

    def release(self, now: int) -> None:
        """The mechanical emergency release: open at once, jammed or not."""
        self._travel.force(closed=False, now=now)
