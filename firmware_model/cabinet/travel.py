"""A mechanism with two ends: it takes its time, may bounce on arrival, may be stuck. Contactors and locks are made of it."""


class Travel:
    """Position of a driven two-position mechanism, worked out when asked (µs on the caller's clock).

    *close_us* and *open_us* run from the command to the first touch or to full separation. A command during a movement starts
    the way anew.
    """

    def __init__(self, *, close_us: int, open_us: int, bounce_us: int = 0) -> None:
        self.close_us, self.open_us, self.bounce_us = close_us, open_us, bounce_us
        self.slowness = 1.0
        """Multiplies the travel time of commands given from now on."""
        self.stuck = False
        """Freezes the position that it has when next looked at."""
        self.wanted = False
        self.settles_at = 0
        """When the last commanded movement is over (bounce included)."""
        self._touch_at = 0
        self._position = False

    def command(self, closed: bool, now: int) -> None:
        """Drive towards the closed or the open end. Repeating a command changes nothing."""
        if closed == self.wanted:
            return
        self._position = self.closed(now)
        self.wanted = closed
        self._touch_at = now + round((self.close_us if closed else self.open_us) * self.slowness)
        self.settles_at = self._touch_at + (self.bounce_us if closed else 0)

    def force(self, closed: bool, now: int) -> None:
        """Put it at one end at once, by hand."""
        self.wanted = self._position = closed
        self.settles_at = now

    def closed(self, now: int) -> bool:
        """Whether the ends touch at *now*; after the first touch they part once, for the last two thirds of the bounce."""
        if self._position == self.wanted or self.stuck or now < self._touch_at:
            return self._position
        if now < self.settles_at:
            return now < self._touch_at + self.bounce_us // 3
        self._position = self.wanted
        return self._position
