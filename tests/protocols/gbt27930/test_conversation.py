"""The mechanics that both roles share, with a small rule book of their own."""

from enum import Enum, auto

from protocols.core.frame import Frame
from protocols.core.session import Malformed, Moved, TimedOut
from protocols.core.transitions import Transitions
from protocols.gbt27930.conversation import RETRY_US, Conversation, Plan
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.habits import Habits
from protocols.gbt27930.link import UNDRAINED, Link
from protocols.gbt27930.messages import BCL, BCS, BMS, BSM, CHARGER


class State(Enum):
    REST = auto()
    TALK = auto()
    MORE = auto()


class Given(Enum):
    GO = auto()
    NEXT = auto()
    BACK = auto()
    LATE = auto()


PLAN = Plan(
    transitions=Transitions[State, Given](
        [
            (State.REST, Given.GO, State.TALK, "a"),
            (State.TALK, Given.NEXT, State.MORE, "b"),
            (State.MORE, Given.BACK, State.TALK, "c"),
            ((State.TALK, State.MORE), Given.LATE, State.REST, "d"),
        ]
    ),
    sends={State.TALK: ("BCL",), State.MORE: ("BCL", "BCS", "BSM")},
    at_once=frozenset(),
    waits={State.TALK: ("CCS",), State.MORE: ("CCS", "CST")},
    from_first=frozenset({"CST"}),
    limits={"CCS": Given.LATE, "CST": Given.LATE},
    resting=frozenset({State.REST}),
    steady=frozenset({State.MORE}),
)
DEMAND = BCL(voltage_v=400.0, current_a=100.0, mode=2)
STATUS = BCS(voltage_v=380.0, current_a=10.0, cell_voltage_max_v=3.9, cell_group=0, soc_pct=50, remaining_min=60)
CONDITION = BSM(cell_voltage_max_number=1, temp_max_degc=25, temp_max_point=1, temp_min_degc=25, temp_min_point=1)
CCS = Frame(0x1812F456, bytes.fromhex("d80eb80b0000fd"))


class Talker:
    def __init__(self, **habits):
        self.alarms, self.entered, self.heard = [], [], []
        habits = Habits(**habits)
        self.talk = Conversation(
            PLAN,
            State.REST,
            Link(BMS, CHARGER, EDITIONS["2015"], habits),
            habits,
            build={"BCL": lambda now: DEMAND, "BCS": lambda now: STATUS, "BSM": lambda now: CONDITION},
            hear={"CCS": lambda message, now: self.heard.append(now)},
            feeds={"CCS": ("CCS",)},
            entered=lambda before, given, now: self.entered.append((before, given, now)),
            alarm=lambda name, now: self.alarms.append((name, now)),
        )

    def run(self, until, step=None):
        """Tick at every deadline; the frames as (time, PDU format)."""
        said = []
        while self.talk.deadline is not None and self.talk.deadline <= until:
            now = self.talk.deadline
            self.talk.tick(now)
            said += [(now, frame.can_id >> 16 & 0xFF) for frame in self.talk.link.take()]
        return said


def test_what_two_states_in_a_row_send_keeps_its_period():
    talker = Talker()
    talker.talk.move(Given.GO, 7)
    said = talker.run(120_000)
    talker.talk.move(Given.NEXT, 120_000)
    said += talker.run(260_000)

    assert [at for at, pf in said if pf == 0x10] == [7 + n * 50_000 for n in range(6)]


def test_what_two_states_in_a_row_wait_for_runs_on():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    talker.talk.move(Given.NEXT, 600_000)
    talker.run(999_999)
    assert talker.talk.state is State.MORE

    talker.run(1_000_000)

    assert talker.talk.state is State.REST and talker.talk.deadline is None
    assert [type(event) for event in talker.talk.take_events()] == [Moved, Moved, TimedOut, Moved]


def test_a_limit_that_begins_with_the_first_message_does_not_begin_with_the_state():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    talker.talk.move(Given.NEXT, 0)
    assert not talker.talk.timers.running("CST")

    talker.talk.wait("CST", 10)

    assert talker.talk.timers.running("CST")


def test_a_limit_of_another_state_is_not_started():
    talker = Talker()
    talker.talk.move(Given.GO, 0)

    talker.talk.wait("CST", 0)

    assert not talker.talk.timers.running("CST")


def test_a_pair_without_a_rule_changes_nothing():
    talker = Talker()

    assert not talker.talk.move(Given.NEXT, 0)
    assert talker.talk.state is State.REST and not talker.entered and not talker.talk.take_events()


def test_alarms_belong_to_the_state_in_which_they_were_set():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    talker.talk.set_alarm("rings", 100)
    talker.talk.set_alarm("never rings", 200)
    talker.run(150)
    talker.talk.move(Given.NEXT, 150)
    talker.run(300)

    assert talker.alarms == [("rings", 100)]


def test_a_message_restarts_its_limit_and_in_a_steady_state_is_heard_only_if_it_is_new():
    talker = Talker(first_delay_us={"BCS": 9_000_000})
    talker.talk.move(Given.GO, 0)
    for now in (0, 10):
        talker.talk.receive(CCS, now)
    talker.talk.move(Given.NEXT, 20)
    for now in (30, 900_000):
        talker.talk.receive(CCS, now)
    talker.talk.receive(Frame(CCS.can_id, b"\0" + CCS.data[1:]), 900_010)

    assert talker.heard == [0, 10, 900_010]
    talker.run(1_900_009)
    assert talker.talk.state is State.MORE
    talker.run(1_900_010)
    assert talker.talk.state is State.REST


def test_at_rest_nothing_is_heard_or_answered():
    talker = Talker()
    for frame in (CCS, Frame(0x1CECF456, bytes.fromhex("100900 02 ff 001100"))):
        talker.talk.receive(frame, 0)

    assert not talker.heard and not talker.talk.latest and not talker.talk.link.take()


def test_nonsense_is_an_event():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    talker.talk.take_events()

    talker.talk.receive(Frame(0x1812F456, b"\1"), 0)

    assert [type(event) for event in talker.talk.take_events()] == [Malformed]


def test_of_events_that_nobody_fetches_the_newest_are_kept():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    for n in range(10 * UNDRAINED):
        talker.talk.note(n)

    assert talker.talk.take_events() == tuple(range(9 * UNDRAINED, 10 * UNDRAINED))


def test_a_long_message_waits_for_the_transport_and_keeps_its_grid():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    talker.talk.move(Given.NEXT, 0)
    talker.run(200_000)
    for now in (300_000, 600_000, 900_000):
        talker.talk.receive(CCS, now)
        talker.run(now + 200_000)
    talker.talk.receive(CCS, 1_200_000)
    said = talker.run(1_300_000)

    assert talker.talk.timers.running("send BCS")
    requests = [at for at, pf in said if pf == 0xEC]
    assert requests and requests[-1] - 1_250_000 in range(RETRY_US + 1)


def test_periods_delays_and_omissions_are_habits():
    talker = Talker(periods_us={"BCL": 70_000}, first_delay_us={"BCL": 5_000}, omit=frozenset({"BCS"}))
    talker.talk.move(Given.GO, 0)
    talker.talk.move(Given.NEXT, 0)

    said = talker.run(220_000)

    assert [at for at, pf in said if pf == 0x10] == [5_000, 75_000, 145_000, 215_000]
    assert not [at for at, pf in said if pf == 0xEC]


def test_whatever_was_missed_the_period_stays_on_its_grid():
    talker = Talker()
    talker.talk.move(Given.GO, 0)
    talker.talk.tick(0)
    talker.talk.tick(333_000)

    assert talker.talk.deadline == 350_000
