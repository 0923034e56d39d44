"""Named timers of a session: start, stop, and which have run out."""


class Timers:
    """A small set of named one-shot timers, told the time by their owner (integer µs).

    `deadline` is cached, because a session asks for it after every frame while its timers change far less often.
    """

    __slots__ = ("_dirty", "_due", "_next")

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._next: int | None = None
        self._dirty = False

    def start(self, name: str, due: int) -> None:
        """(Re)start *name*, to run out at *due*."""
        soonest = self._next
        if soonest is not None and self._due.get(name) == soonest:
            self._dirty = True
        elif soonest is None or due < soonest:
            self._next = due
        self._due[name] = due

    def stop(self, *names: str) -> None:
        """Stop *names*; a timer that is not running is left alone."""
        for name in names:
            if self._due.pop(name, None) is not None:
                self._dirty = True

    def running(self, name: str) -> bool:
        """Whether *name* was started and neither stopped nor handed out by `expired`."""
        return name in self._due

    @property
    def deadline(self) -> int | None:
        """When the first timer runs out (µs), or None while none is running."""
        if self._dirty:
            self._dirty = False
            self._next = min(self._due.values(), default=None)
        return self._next

    def expired(self, now: int) -> list[tuple[int, str]]:
        """Stop and return the timers due at or before *now* as (due, name), earliest first, then by name."""
        soonest = self.deadline
        if soonest is None or now < soonest:
            return []
        over = sorted((due, name) for name, due in self._due.items() if due <= now)
        for _, name in over:
            del self._due[name]
        self._dirty = True
        return over
