"""Named timers of a session: start, stop, and which have run out."""


class Timers:
    """A small set of named one-shot timers, told the time by their owner (integer µs).

    `deadline` is kept up to date by each call, because a session is asked for it after every frame while its first timer
    changes far less often. A scan over the few timers is faster than any heap.
    """

    __slots__ = ("_due", "deadline")

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self.deadline: int | None = None
        """When the first timer runs out (µs), or None while none is running. Only to be read."""

    def start(self, name: str, due: int) -> None:
        """(Re)start *name*, to run out at *due*."""
        dues, soonest = self._due, self.deadline
        if soonest is None or due <= soonest:
            dues[name] = self.deadline = due
        elif dues.get(name) == soonest:
            dues[name] = due
            self.deadline = min(dues.values())
        else:
            dues[name] = due

    def cancel(self, name: str) -> None:
        """Stop *name* alone: a session does so after most frames of a long message."""
        due = self._due.pop(name, None)
        if due is not None and due == self.deadline:
            self._renew()

    def stop(self, *names: str) -> None:
        """Stop *names*; a timer that is not running is left alone."""
        stopped = [self._due.pop(name, None) for name in names]
        if self.deadline in stopped:
            self._renew()

    def running(self, name: str) -> bool:
        """Whether *name* was started and neither stopped nor handed out by `take` or `expired`."""
        return name in self._due

    def take(self, now: int) -> tuple[int, str] | None:
        """Stop and return the first timer due at or before *now* as (due, name), of several at once the first by name."""
        soonest = self.deadline
        return None if soonest is None or now < soonest else self.pop()

    def pop(self) -> tuple[int, str]:
        """Stop and return the first timer as (due, name), of several at once the first by name. One must be running."""
        dues, soonest = self._due, self.deadline
        assert soonest is not None
        first, following = "", None
        for name, due in dues.items():  # one pass finds the timer and the deadline after it: this runs for every message sent
            if due == soonest and (not first or name < first):
                if first:
                    following = soonest
                first = name
            elif following is None or due < following:
                following = due
        del dues[first]
        self.deadline = following
        return soonest, first

    def expired(self, now: int) -> list[tuple[int, str]]:
        """Stop and return all timers due at or before *now* as (due, name), earliest first, then by name."""
        over = []
        while (taken := self.take(now)) is not None:
            over.append(taken)
        return over

    def _renew(self) -> None:
        self.deadline = min(self._due.values()) if self._due else None
