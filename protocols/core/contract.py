"""What every protocol session must obey, as checks that a test runs over a table of sessions.

A row of the table is a :class:`Subject`. A test draws scripts with :func:`scripts` and hands them to each of
:data:`CHECKS`; a check raises AssertionError where the session breaks the contract. What a session may do is written in
:class:`protocols.core.session.Session`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from protocols.core.errors import LocalError
from protocols.core.frame import Frame, valid
from protocols.core.session import Session

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SETTLING_TICKS = 100_000
"""A session that wants more ticks than this in one wait of a script runs in circles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind of session under contract.

    *make* builds a session whose clock stands at *now*, in the situation to be tested. *vocabulary* are frames that
    mean something to it; scripts mix them with the same identifiers and other data, and with any frame at all.
    *commands* are what its owner may do at any time; a LocalError from one is a refusal. *bound* limits frames plus
    events that may pile up while nobody ticks or drains. *step_us* is the longest wait of a script.
    """

    name: str
    make: Callable[[int], Session]
    vocabulary: Sequence[Frame]
    commands: Sequence[Callable[[Any, int], object]] = ()
    bound: int = 1_000
    step_us: int = 2_000_000

    def __str__(self) -> str:
        return self.name


class Step(NamedTuple):
    """Wait *wait_us*, then hear *frame* or carry out *command* (a place in `Subject.commands`), or neither."""

    wait_us: int
    frame: Frame | None = None
    command: int | None = None


class Said(NamedTuple):
    """What a session put out at one moment."""

    now: int
    frames: tuple[Frame, ...]
    events: tuple[object, ...]


Script = Sequence[Step]


def scripts(subject: Subject, *, max_steps: int = 30) -> "SearchStrategy[list[Step]]":
    """Hypothesis strategy of what may befall a session of the kind *subject*."""
    from hypothesis import strategies as st

    ids = sorted({(frame.can_id, frame.extended) for frame in subject.vocabulary})
    data = st.binary(max_size=8)
    frames = st.one_of(
        st.sampled_from(list(subject.vocabulary)),
        st.builds(lambda key, content: Frame(key[0], content, key[1]), st.sampled_from(ids), data),
        st.builds(Frame, st.integers(0, (1 << 29) - 1), data),
        st.builds(Frame, st.integers(0, (1 << 11) - 1), data, st.just(False)),
    )
    waits = st.one_of(st.just(0), st.integers(0, 20_000), st.integers(0, subject.step_us))
    # Each field is drawn explicitly: `builds` would invent values for the fields that have defaults.
    nothing = st.none()
    steps = [st.builds(Step, waits, frames, nothing), st.builds(Step, waits, nothing, nothing)]
    if subject.commands:
        steps.append(st.builds(Step, waits, nothing, st.integers(0, len(subject.commands) - 1)))
    return st.lists(st.one_of(steps), max_size=max_steps)


class Player:
    """Drives one session as its owner must: in order of time, drained after every call."""

    def __init__(self, subject: Subject, *, now: int = 0) -> None:
        self.now = now
        self.session = subject.make(now)
        self.said: list[Said] = []
        self._subject = subject

    def play(self, script: Script) -> list[Said]:
        """Carry out *script*; return everything that the session said, with its time."""
        self.drain()
        for step in script:
            self.wait(step.wait_us)
            self.act(step)
        return self.said

    def wait(self, wait_us: int) -> None:
        """Let time pass, ticking at each deadline on the way."""
        end = self.now + wait_us
        for _ in range(SETTLING_TICKS):
            deadline = self.session.deadline
            if deadline is None or deadline > end:
                self.now = end
                return
            self.now = max(self.now, deadline)
            self.tick()
        raise AssertionError(f"{self._subject}: still due at {self.session.deadline} after {SETTLING_TICKS} ticks")

    def tick(self) -> None:
        """Tick once, now."""
        self.session.tick(self.now)
        self.drain()

    def act(self, step: Step) -> None:
        """Hear the frame or carry out the command of *step*."""
        if step.frame is not None:
            self.session.receive(step.frame, self.now)
        if step.command is not None:
            order(self._subject, self.session, step.command, self.now)
        self.drain()

    def drain(self) -> None:
        """Fetch what the session has to say."""
        frames, events = tuple(self.session.frames()), tuple(self.session.events())
        if frames or events:
            self.said.append(Said(self.now, frames, events))


def order(subject: Subject, session: Session, command: int, now: int) -> None:
    """Carry out the command in place *command*; the session may refuse it."""
    try:
        subject.commands[command](session, now)
    except LocalError:
        return


def nothing_a_peer_does_raises(subject: Subject, script: Script) -> None:
    """Every script can be played to its end, and 100 s of silence after it."""
    player = Player(subject)
    player.play(script)
    player.wait(100_000_000)


def same_input_gives_same_output(subject: Subject, script: Script) -> None:
    """Two sessions that live through the same say the same at the same times."""
    assert Player(subject).play(script) == Player(subject).play(script)


def time_has_no_origin(subject: Subject, script: Script) -> None:
    """A session that begins later says the same, later: only differences of times matter."""
    late_us = 3_600_000_001
    early = Player(subject).play(script)
    late = Player(subject, now=late_us).play(script)
    assert [(said.now + late_us, said.frames) for said in early] == [(said.now, said.frames) for said in late]


def a_needless_tick_changes_nothing(subject: Subject, script: Script) -> None:
    """Ticking before the deadline, and again at the same moment, leaves no trace."""
    player = Player(subject)
    player.drain()
    for step in script:
        for wait_us in (step.wait_us // 3, step.wait_us - step.wait_us // 3):
            player.wait(wait_us)
            before, deadline = len(player.said), player.session.deadline
            player.tick()
            player.tick()
            assert len(player.said) == before, f"{subject}: spoke at {player.now}, long before {deadline}"
            assert player.session.deadline == deadline
        player.act(step)
    assert player.said == Player(subject).play(script)


def a_late_tick_catches_up(subject: Subject, script: Script) -> None:
    """After a tick, however late, the deadline lies in the future."""
    player = Player(subject)
    for step in script:
        player.now += step.wait_us
        player.tick()
        deadline = player.session.deadline
        assert deadline is None or deadline > player.now, f"{subject}: due at {deadline}, after the tick at {player.now}"
        player.act(step)


def what_was_drained_is_gone(subject: Subject, script: Script) -> None:
    """Frames and events are handed out once, and asking for the deadline has no effect."""
    player = Player(subject)
    for step in script:
        player.wait(step.wait_us)
        player.act(step)
        assert not player.session.frames()
        assert not player.session.events()
        assert player.session.deadline == player.session.deadline


def only_valid_frames_are_sent(subject: Subject, script: Script) -> None:
    """A CAN controller can transmit each frame."""
    player = Player(subject)
    player.play(script)
    player.wait(10_000_000)
    assert all(valid(frame) for said in player.said for frame in said.frames)


def a_flood_fills_no_memory(subject: Subject, script: Script) -> None:
    """While nobody ticks or drains, a peer can make no more than `Subject.bound` frames and events pile up."""
    session = subject.make(0)
    heard = [step.frame for step in script if step.frame is not None]
    for _ in range(3 * subject.bound // max(1, len(heard))):
        for frame in heard:
            session.receive(frame, 0)
    piled_up = len(list(session.frames())) + len(list(session.events()))
    assert piled_up <= subject.bound, f"{subject}: {piled_up} frames and events"


CHECKS: tuple[Callable[[Subject, Script], None], ...] = (
    nothing_a_peer_does_raises,
    same_input_gives_same_output,
    time_has_no_origin,
    a_needless_tick_changes_nothing,
    a_late_tick_catches_up,
    what_was_drained_is_gone,
    only_valid_frames_are_sent,
    a_flood_fills_no_memory,
)
