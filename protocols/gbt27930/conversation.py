"""What the charger's and the vehicle's session have in common: one state, one table, periodic messages, time limits.

Everything that changes the state is in the transition table; nothing else assigns it. What is sent in a state and what is waited
for are tables too. The two roles differ in those tables, in how they fill their messages and in what they make of the peer's.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.core.session import Malformed, Moved, TimedOut
from protocols.core.timers import Timers
from protocols.core.transitions import Input, State, Transitions
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.habits import Habits
from protocols.gbt27930.link import TRANSPORT, UNDRAINED, Link

_SEND: Final = "send "
"""Prefix of the timers that send; sorts after the upper-case names of limits, so that in one moment a limit wins."""

RETRY_US: Final = 10_000
"""How long a long message waits before it looks again whether the transport is free."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[State, Input]):
    """The rules of a role as data."""

    transitions: Transitions[State, Input]
    sends: Mapping[State, tuple[str, ...]]
    """Messages sent periodically in each state, the first at once. What two states in a row send keeps its period."""
    at_once: frozenset[State]
    """States whose first message goes out at once even though the state before sent it too: its contents changed."""
    waits: Mapping[State, tuple[str, ...]]
    """Limits running in each state. What two states in a row wait for runs on."""
    from_first: frozenset[str]
    """Limits that begin with the first message, not with the state."""
    limits: Mapping[str, Input]
    """What running into a limit is called in the transition table."""
    resting: frozenset[State]
    """States in which nobody listens: there is no vehicle, or no more to say to it."""
    steady: frozenset[State]
    """States in which a message of *feeds* that says nothing new does nothing but restart its limits."""


class Conversation(Generic[State, Input]):
    """The mechanics of one role. *build* fills each message that is sent, *hear* makes something of each that is received.
    *feeds* names the limits that a message restarts.

    *entered* is told of every change of state; *alarm* is told when an alarm set with `set_alarm` goes off, and alarms belong to
    the state in which they were set. Of events that nobody fetches the newest are kept.
    """

    def __init__(
        self,
        plan: Plan[State, Input],
        start: State,
        link: Link,
        habits: Habits,
        *,
        build: Mapping[str, Callable[[int], Message | None]],
        hear: Mapping[str, Callable[[Any, int], None]],
        feeds: Mapping[str, tuple[str, ...]],
        entered: Callable[[State, Input, int], None],
        alarm: Callable[[str, int], None],
    ) -> None:
        self.state = start
        self.link = link
        self.timers: Timers = link.timers
        self.latest: dict[str, Message] = {}
        """The newest message of each name that the peer has sent."""
        self.sent: dict[str, int] = {}
        """How many of each message were sent since the state was entered that sends it."""
        self._plan = plan
        self._edges = dict(plan.transitions)
        self._habits = habits
        self._periods_us = habits.periods_us
        self._newest: dict[int, tuple[bytes, Message]] = {}
        self._repeats: dict[int, tuple[bytes, tuple[tuple[str, int], ...]]] = {}  # what `_repeat` has found out
        self._hear = hear
        self._feeds = feeds
        self._entered = entered
        self._alarm = alarm
        self._alarms: set[str] = set()
        self._late: dict[str, int] = {}
        self.events: deque[Any] = deque(maxlen=UNDRAINED)
        """What `take_events` will hand out; always the same queue."""
        self._resting, self._steady = start in plan.resting, start in plan.steady
        self._limits_us: dict[str, int] = {}
        self._cyclic = {_SEND + name: (name, fill) for name, fill in build.items()}

    # ---- time and wire ---------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> int | None:
        """When `tick` is due next (µs), or None."""
        return self.timers.deadline

    def receive(self, frame: Frame, now: int) -> None:
        """Make of *frame* what the role makes of the message that it completes; nonsense becomes an event."""
        if self._resting:
            return
        can_id, data, extended = frame
        repeat = self._repeats.get(can_id)
        if repeat is not None and repeat[0] == data and extended:
            for limit, limit_us in repeat[1]:
                self.timers.start(limit, now + limit_us)
            return
        newest = self._newest.get(can_id)
        if newest is None or newest[0] != data or not extended:
            self._receive_new(frame, now)
        else:
            self._repeat(can_id, newest[1], now)

    def _repeat(self, can_id: int, got: Message, now: int) -> None:
        """Most messages repeat themselves, and they are immutable: what says nothing new only restarts its limits.

        Which those are is remembered until another message is taken or the state or the edition changes.
        """
        title, limits_us = got.title, self._limits_us
        if self._steady and title in self._feeds and self.latest.get(title) is got:
            restarts = tuple((limit, limits_us[limit]) for limit in self._feeds[title] if limit in limits_us)
            self._repeats[can_id] = self._newest[can_id][0], restarts
            for limit in self._feeds[title]:
                self.wait(limit, now)
        else:
            self._take(got, now)

    def _receive_new(self, frame: Frame, now: int) -> None:
        taken = self.link.receive(frame, now)
        if taken is not None:
            # Remembered before it is heard: what it says may change the edition, and that forgets it.
            if isinstance(taken, Message) and self.link.is_single(frame.can_id) and len(self._newest) < UNDRAINED:
                self._newest[frame.can_id] = frame.data, taken
            self._take(taken, now)

    def _take(self, got: Message | Malformed, now: int) -> None:
        if isinstance(got, Malformed):
            self.events.append(got)
            return
        title = got.title
        if self.latest.get(title) is not got:
            self._repeats.clear()
            self.latest[title] = got
        for limit in self._feeds.get(title, ()):
            self.wait(limit, now)
        hear = self._hear.get(title)
        if hear is not None:
            hear(got, now)

    def tick(self, now: int) -> None:
        """Send what is due; let run out what has, in the order of time."""
        timers = self.timers
        while (soonest := timers.deadline) is not None and soonest <= now:
            due, name = timers.pop()
            cyclic = self._cyclic.get(name)
            if cyclic is not None:
                self._send(cyclic, name, due, now)
            elif name == TRANSPORT:
                got = self.link.tick(now)
                if got is not None:
                    self._take(got, now)
            elif name in self._alarms:
                self._alarms.discard(name)
                self._alarm(name, now)
            else:
                self._run_out(name, now)

    def take_events(self) -> Sequence[Any]:
        """What happened since the last call."""
        if not self.events:
            return ()
        events = tuple(self.events)
        self.events.clear()
        return events

    def note(self, event: Any) -> None:
        """Report *event* with the next `take_events`."""
        self.events.append(event)

    # ---- state -----------------------------------------------------------------------------------------------------

    def move(self, given: Input, now: int) -> bool:
        """Follow the rule for *given* in this state; False if there is none, and then nothing has changed."""
        edge = self._edges.get((self.state, given))
        if edge is None:
            return False
        before, self.state = self.state, edge.after
        self.events.append(Moved(before, edge.after, given, edge.clause))
        self._reschedule(before, now)
        self._entered(before, given, now)
        return True

    def speak(self, edition: Edition) -> None:
        """Change to *edition*; limits that run already keep their end."""
        self.link.use(edition)
        self._newest.clear()
        self._take_limits()

    def wait(self, name: str, now: int) -> None:
        """(Re)start the limit *name*, if this state waits for it and the edition has it."""
        limit_us = self._limits_us.get(name)
        if limit_us is not None:
            self.timers.start(name, now + limit_us)

    def set_alarm(self, name: str, at: int) -> None:
        """Call the role's *alarm* with *name* at *at*, unless the state changes before."""
        self._alarms.add(name)
        self.timers.start(name, at)

    def _take_limits(self) -> None:
        self._repeats.clear()
        limits, names = self.link.edition.limits, self._plan.waits.get(self.state, ())
        self._limits_us = {name: limits[name].us for name in names if name in limits}

    def _reschedule(self, before: State, now: int) -> None:
        plan, timers = self._plan, self.timers
        timers.stop(*self._alarms)
        self._alarms.clear()
        self._take_limits()
        old, new = plan.waits.get(before, ()), plan.waits.get(self.state, ())
        timers.stop(*(name for name in old if name not in new))
        for name in new:
            if name not in old and name not in plan.from_first:
                self.wait(name, now)
        old, new = plan.sends.get(before, ()), plan.sends.get(self.state, ())
        timers.stop(*(_SEND + name for name in old if name not in new))
        for name in new:
            if name not in old or self.state in plan.at_once:
                self.sent[name] = 0
                self.start_sending(name, now + self._habits.first_delay_us.get(name, 0))
        self._resting, self._steady = self.state in plan.resting, self.state in plan.steady
        if self._resting:
            self.link.reset()

    def start_sending(self, name: str, at: int) -> None:
        """Send message *name* from *at* on in its period, unless the edition lacks it or a habit leaves it out."""
        self._late.pop(name, None)
        if name in self.link.edition.messages and name not in self._habits.omit:
            self.timers.start(_SEND + name, at)

    def stop_sending(self, name: str) -> None:
        """No more of message *name* until a state starts it again."""
        self.timers.stop(_SEND + name)

    # ---- what is due -----------------------------------------------------------------------------------------------

    def _send(self, cyclic: tuple[str, Callable[[int], Message | None]], timer: str, due: int, now: int) -> None:
        name, fill = cyclic
        message = fill(now)
        if message is None:
            return
        if self._late:
            due = self._late.pop(name, due)
        link = self.link
        again = link.sent.get(name)
        if again is not None and again[0] is message:  # what `send` does, without a call
            link.out.append(again[1])
        elif not link.send(message, now):  # another long message is under way
            self._late[name] = due
            self.timers.start(timer, now + RETRY_US)
            return
        period = self._periods_us.get(name) or message.period_us
        assert period is not None
        following = due + period
        if following <= now:  # stay on the grid, whatever was missed
            following += (now - due) // period * period
        self.timers.start(timer, following)
        self.sent[name] += 1

    def _run_out(self, name: str, now: int) -> None:
        limit = self.link.edition.limits[name]
        self.events.append(TimedOut(name, limit.us, limit.clause))
        self.move(self._plan.limits[name], now)
