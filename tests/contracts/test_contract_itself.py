"""The contract of protocols.core.contract catches each kind of guilty session, and lets an innocent one pass."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from protocols.core import contract
from protocols.core.contract import Script, Step, Subject
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

HELLO, REPLY = Frame(0x181056F4, b"\x01"), Frame(0x1812F456, b"\x02")
PERIOD_US = 50_000


class Beacon:
    """An innocent session: answers HELLO at once, and is heard every 50 ms; each fault is a subclass."""

    def __init__(self, now: int) -> None:
        self.due = now + PERIOD_US
        self.said: list[Frame] = []
        self.heard: list[object] = []

    @property
    def deadline(self) -> int | None:
        return self.due

    def receive(self, frame: Frame, now: int) -> None:
        if frame == HELLO and len(self.said) < 100:
            self.said.append(REPLY)

    def tick(self, now: int) -> None:
        if now >= self.due:
            self.said.append(REPLY)
            self.due += PERIOD_US * ((now - self.due) // PERIOD_US + 1)

    def frames(self) -> Sequence[Frame]:
        said, self.said = self.said, []
        return said

    def events(self) -> Sequence[object]:
        heard, self.heard = self.heard, []
        return heard


class Raises(Beacon):
    def receive(self, frame: Frame, now: int) -> None:
        assert frame.data, "empty frames are not expected"


class Dice(Beacon):
    thrown = 0

    def receive(self, frame: Frame, now: int) -> None:
        Dice.thrown += 1
        self.said.append(Frame(0x1812F456, bytes([Dice.thrown & 0xFF])))


class KnowsTheTime(Beacon):
    def receive(self, frame: Frame, now: int) -> None:
        if now < 3_600_000_000:
            self.said.append(REPLY)


class TicksAlways(Beacon):
    def tick(self, now: int) -> None:
        self.said.append(REPLY)
        self.due = now + PERIOD_US


class StaysBehind(Beacon):
    def tick(self, now: int) -> None:
        if now >= self.due:
            self.due += PERIOD_US


class Repeats(Beacon):
    def events(self) -> Sequence[object]:
        return ["the same again"] if self.heard or self.due > 0 else []


class SpeaksTooLong(Beacon):
    def receive(self, frame: Frame, now: int) -> None:
        if frame == HELLO:
            self.said.append(Frame(1 << 29, bytes(9)))


class Hoards(Beacon):
    def receive(self, frame: Frame, now: int) -> None:
        self.heard.append(frame)


class RunsInCircles(Beacon):
    def tick(self, now: int) -> None:
        self.due = now


def subject(make: Callable[[int], Beacon]) -> Subject:
    return Subject(name="beacon", make=make, vocabulary=[HELLO], bound=200, step_us=200_000)


def breaks(guilty: Subject, check: Callable[[Subject, Script], None]) -> Callable[[list[Step]], bool]:
    def broken(script: list[Step]) -> bool:
        try:
            check(guilty, script)
        except AssertionError:
            return True
        return False

    return broken


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (Raises, contract.nothing_a_peer_does_raises),
        (RunsInCircles, contract.nothing_a_peer_does_raises),
        (Dice, contract.same_input_gives_same_output),
        (KnowsTheTime, contract.time_has_no_origin),
        (TicksAlways, contract.a_needless_tick_changes_nothing),
        (StaysBehind, contract.a_late_tick_catches_up),
        (Repeats, contract.what_was_drained_is_gone),
        (SpeaksTooLong, contract.only_valid_frames_are_sent),
        (Hoards, contract.a_flood_fills_no_memory),
    ],
)
def test_each_guilty_session_is_caught(
    make: Callable[[int], Beacon], check: Callable[[Subject, Script], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "SETTLING_TICKS", 1_000)
    guilty = subject(make)

    try:
        find(contract.scripts(guilty), breaks(guilty, check), settings=settings(max_examples=300, deadline=None))
    except NoSuchExample:
        pytest.fail(f"{check.__name__} lets {make.__name__} pass")


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_innocent_session_passes(check: Callable[[Subject, Script], None], data: st.DataObject) -> None:
    innocent = subject(Beacon)

    check(innocent, data.draw(contract.scripts(innocent)))


def test_commands_may_be_refused_but_not_fail_otherwise() -> None:
    def refuse(session: Beacon, now: int) -> None:
        raise LocalError("not now")

    def fail(session: Beacon, now: int) -> None:
        raise ZeroDivisionError

    row = Subject(name="beacon", make=Beacon, vocabulary=[HELLO], commands=[refuse, fail])

    assert contract.Player(row).play([Step(0, command=0), Step(0, HELLO)]) == [contract.Said(0, (REPLY,), ())]
    with pytest.raises(ZeroDivisionError):
        contract.Player(row).play([Step(0, command=1)])
