"""Cooperative tasks on their time grids, with the activations left out that cannot change anything (tickless)."""

from collections.abc import Callable, Sequence

from firmware_model.board import NEVER


class Task:
    """A function run at *phase_us* + n * *period_us*, as long as it asks for it.

    *body* is told the time and returns the earliest time at which it must run again if nobody asks earlier (`NEVER`: only
    when asked). A body whose time has not come and who was not asked must change nothing when it runs all the same.
    """

    __slots__ = ("body", "due", "period_us", "phase_us")

    def __init__(self, body: Callable[[int], int], *, period_us: int, phase_us: int = 0) -> None:
        self.body = body
        self.period_us, self.phase_us = period_us, phase_us
        self.due = NEVER

    def grid(self, when: int) -> int:
        """The first grid time at or after *when*."""
        return when + (self.phase_us - when) % self.period_us if when < NEVER else NEVER

    def ask(self, now: int) -> None:
        """Run at the next grid time, *now* included."""
        when = self.grid(now)
        if when < self.due:
            self.due = when

    def run(self, now: int) -> None:
        """Run at *now*, a grid time."""
        following = self.body(now)
        self.due = self.grid(following if following > now else now + 1)


class Tasks:
    """A fast task, run on every activation, and slow ones on multiples of its grid, in order of priority.

    Within one activation the fast task runs first: what it asks of a slow one happens at once. What a slow one changes,
    the fast one sees on its next activation.
    """

    def __init__(self, slow: Sequence[Task], *, tickless: bool = True) -> None:
        self._slow = tuple(slow)
        self._tickless = tickless

    def run(self, now: int) -> int:
        """Run the slow tasks that are due at *now*, or all on whose grid *now* is; return when the next one is due."""
        soonest = NEVER
        for task in self._slow:
            if now >= task.due or (not self._tickless and task.grid(now) == now):
                task.run(now)
            if task.due < soonest:
                soonest = task.due
        return soonest
