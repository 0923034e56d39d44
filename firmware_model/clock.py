"""Virtual time: one SimPy clock in integer µs for stories, and parts that are ticked when they are due.

SimPy tells the slow stories (operator, reservations, mains). Frames, tasks and timers are far more frequent; a SimPy event for
each would cost more than the work it starts. A *part* therefore only says when it is next due, and the clock ticks every part
that is due before the next SimPy event. No story can tell the difference: none runs while parts are ahead of it.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

import simpy

NEVER = 1 << 62
"""The due time of a part that waits for somebody else."""

Story = Generator[simpy.Event, Any, None]


class Part(Protocol):
    """Something that lives in virtual time. It reads time from the argument of `tick`, never from the environment."""

    @property
    def due(self) -> int:
        """The next moment (µs) at which `tick` must be called; `NEVER` when only others can change that."""
        ...

    def tick(self, now: int) -> None:
        """Do what is due at *now*, and set `due` beyond it."""
        ...


def make_search(parts: Sequence[Part]) -> Callable[[], tuple[int, Part]]:
    """The function that finds which of *parts* is due first (of several at once the first in order), and when.

    Generated as one comparison per part: in a loop over parts of different classes the interpreter cannot specialise the access
    to their attribute, and takes three times as long. Without parts, or when none is due, the time is `NEVER`.
    """
    names = [f"part{index}" for index in range(len(parts))]
    steps = "".join(f"    due = {name}.due\n    if due < now:\n        now, first = due, {name}\n" for name in names)
    given = ", ".join(f"{name}={name}" for name in names)
    source = f"def search({given}):\n    now, first = NEVER, None\n{steps}    return now, first\n"
    scope: dict[str, Any] = {"NEVER": NEVER, **dict(zip(names, parts, strict=True))}
    exec(source, scope)
    search: Callable[[], tuple[int, Part]] = scope["search"]
    return search


class Clock:
    """Steps *parts* in time order; at one moment story events come first, then parts in the order they were added."""

    def __init__(self) -> None:
        self.env = simpy.Environment()
        self.now = 0
        """The moment being lived (µs); ``env.now`` agrees, so that a part may trigger an event that a story waits for."""
        self.wakes = 0
        """How often a part was ticked; printed beside SimPy's own events by the benchmarks."""
        self.events = 0
        """How many SimPy events this clock made (the stories' own are not counted)."""
        self._parts: list[Part] = []
        self._soonest = make_search(())

    def add(self, *parts: Part) -> None:
        """Step *parts* from now on."""
        self._parts.extend(parts)
        self._soonest = make_search(self._parts)

    def at(self, when: int, callback: Callable[[int], None]) -> simpy.Event:
        """Call *callback* with the time at *when* (µs; not before the present moment). For rare things: one SimPy event each."""
        moment = max(when, self.now)
        event = simpy.Timeout(self.env, moment - int(self.env.now))
        self.events += 1
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._story(callback, moment))
        return event

    def tell(self, story: Story) -> None:
        """Start a SimPy process at the present moment."""
        self.at(self.now, lambda _: self._begin(story))

    @property
    def deadline(self) -> int:
        """The next moment at which anything happens (µs), or a value of at least `NEVER`."""
        following = self.env.peek()
        soonest, _ = self._soonest()
        return soonest if following > soonest else int(following)

    def run(self, until: int) -> None:
        """Let time pass up to and including *until* (µs). Whatever is due later stays due."""
        while True:
            self._advance(until)
            following = self.env.peek()
            if following > until:
                break
            self.now = max(self.now, int(following))
            self.env.step()
        self._live(until)

    def _begin(self, story: Story) -> None:
        self.env.process(story)

    def _story(self, callback: Callable[[int], None], now: int) -> None:
        self.now = now
        callback(now)

    def _live(self, now: int) -> None:
        """Make *now* the present moment, for SimPy too, whose next event is later and which has no public way to do that."""
        self.now = self.env._now = now

    def _advance(self, until: int) -> None:
        """Tick parts until the next story event (which goes first when both fall on one moment)."""
        env, queue = self.env, self.env._queue  # not `peek`, and not `_live`: this is the hot path
        present, wakes = self.now, 0
        while True:
            now, first = self._soonest()
            if now < present:
                now = present  # a part was added, or made due, too late
            if now > until or (queue and now >= queue[0][0]):
                self.wakes += wakes
                return
            self.now = env._now = present = now
            wakes += 1
            first.tick(now)
