"""Every session of every protocol, against the contract of protocols.core.contract. A new session is a new row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.core import contract
from protocols.core.contract import Subject
from protocols.core.frame import Frame
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_rules import BmsStopCause
from protocols.gbt27930.charger import ChargerSession
from protocols.gbt27930.charger_rules import StopCause
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.habits import ChargerHabits, Clock
from protocols.gbt27930.together import BATTERY, REPORT, Together
from protocols.j1939 import control
from protocols.j1939.habits import OnGap, OnRepeat, TransportHabits
from protocols.j1939.reports import Role
from protocols.j1939.transport import Transport

CHARGER, BMS = 0x56, 0xF4
BRM, PAYLOAD = 0x0200, bytes(range(49))

TO_CHARGER = control.cm_id(priority=7, destination=CHARGER, source=BMS)
TO_BMS = control.cm_id(priority=7, destination=BMS, source=CHARGER)
DATA_TO_CHARGER = control.dt_id(priority=7, destination=CHARGER, source=BMS)

AS_ORIGINATOR = [
    Frame(TO_CHARGER, control.rts(BRM, size=49)),
    Frame(TO_CHARGER, control.rts(BRM, size=49, limit=2)),
    Frame(TO_CHARGER, control.abort(BRM, reason=0xFF)),
    *(Frame(DATA_TO_CHARGER, control.dt(PAYLOAD, sequence)) for sequence in range(1, 8)),
    *control.broadcast(BRM, PAYLOAD[:16], source=BMS),
]
AS_RESPONDER = [
    Frame(TO_BMS, control.cts(BRM, packets=7, first=1)),
    Frame(TO_BMS, control.cts(BRM, packets=1, first=3)),
    Frame(TO_BMS, control.cts(BRM, packets=0, first=1)),
    Frame(TO_BMS, control.eoma(BRM, size=49)),
    Frame(TO_BMS, control.abort(BRM, reason=2)),
]


def sender(now: int, habits: TransportHabits | None = None) -> Transport:
    transport = Transport(BMS, habits=habits)
    transport.send(BRM, PAYLOAD, CHARGER, now)
    return transport


def send(transport: Transport, now: int) -> None:
    transport.send(BRM, PAYLOAD, CHARGER if transport.address == BMS else BMS, now)


def replace(transport: Transport, now: int) -> None:
    transport.send(BRM, PAYLOAD, CHARGER if transport.address == BMS else BMS, now, replace=True)


STRICT = TransportHabits(on_gap=OnGap.ABORT, on_repeat=OnRepeat.ABORT, abort_on_timeout=False)
SLOW = TransportHabits(answer_us=1_500, grant_packets=2, hold_us=700_000)
HASTY = TransportHabits(first_us=0, gap_us=0, announce_packets=None)

TRANSPORT_COMMANDS = (
    send,
    replace,
    lambda transport, now: transport.hold(BMS),
    lambda transport, now: transport.release(BMS, now),
    lambda transport, now: transport.abandon(CHARGER, Role.ORIGINATOR),
    lambda transport, now: transport.abandon(BMS, Role.RESPONDER),
)


def said_by(who: str, edition: str) -> list[Frame]:
    """One frame of each kind that *who* says in a whole charge."""
    pair = Together(charger=EDITIONS[edition], bms=EDITIONS[edition])
    pair.plug_in()
    pair.wait(4_000_000)
    pair.act(pair.charger.stop, StopCause.MANUAL)
    pair.wait(1_000_000)
    frames = dict.fromkeys(sent.frame for sent in pair.frames if sent.who == who)
    return [*frames, *(Frame(frame.can_id & 0x3FFFFFF | 0x14000000, frame.data) for frame in list(frames)[:2])]


def charger(now: int, edition: str, *, steps: int) -> ChargerSession:
    """A charger that has come as far as it gets in *steps* steps of a charge. It tells no time of day, which has an origin."""
    habits = ChargerHabits(clock=Clock.UNAVAILABLE)
    session = ChargerSession(now, report=lambda _: REPORT, edition=EDITIONS[edition], habits=habits)
    session.start(now)
    for frame in SAID_BY_BMS[edition][:steps]:
        session.receive(frame, now)
        for act in (session.insulation_passed, session.output_ready, session.tick):
            act(now)
    return session


def vehicle(now: int, edition: str, *, steps: int) -> BmsSession:
    """A vehicle that has come as far as it gets in *steps* steps of a charge."""
    session = BmsSession(now, report=lambda _: BATTERY, edition=EDITIONS[edition])
    session.wake(now)
    for frame in SAID_BY_CHARGER[edition][:steps]:
        session.receive(frame, now)
        session.prepared(now)
        session.tick(now)
    return session


SAID_BY_BMS = {edition: said_by("bms", edition) for edition in EDITIONS}
SAID_BY_CHARGER = {edition: said_by("charger", edition) for edition in EDITIONS}
CHARGER_COMMANDS = (
    ChargerSession.start,
    ChargerSession.insulation_passed,
    ChargerSession.output_ready,
    ChargerSession.output_safe,
    ChargerSession.unplug,
    lambda session, now: session.stop(StopCause.MANUAL, now),
    lambda session, now: session.stop(StopCause.EMERGENCY_STOP, now),
)
BMS_COMMANDS = (
    BmsSession.wake,
    BmsSession.prepared,
    BmsSession.sleep,
    lambda session, now: session.stop(BmsStopCause.SOC_REACHED, now),
)

# The receivers also open a transfer of their own by command, so each row sees both roles.
SUBJECTS = [
    Subject(
        name="j1939 transport, receiving",
        make=lambda now: Transport(CHARGER),
        vocabulary=AS_ORIGINATOR,
        commands=TRANSPORT_COMMANDS,
    ),
    Subject(
        name="j1939 transport, receiving, slow answers and holds",
        make=lambda now: Transport(CHARGER, habits=SLOW),
        vocabulary=AS_ORIGINATOR,
        commands=TRANSPORT_COMMANDS,
    ),
    Subject(
        name="j1939 transport, receiving, strict",
        make=lambda now: Transport(CHARGER, habits=STRICT),
        vocabulary=AS_ORIGINATOR,
        commands=TRANSPORT_COMMANDS,
    ),
    Subject(
        name="j1939 transport, sending",
        make=sender,
        vocabulary=AS_RESPONDER,
        commands=TRANSPORT_COMMANDS,
    ),
    Subject(
        name="j1939 transport, sending without gaps",
        make=lambda now: sender(now, HASTY),
        vocabulary=AS_RESPONDER,
        commands=TRANSPORT_COMMANDS,
    ),
    *(
        Subject(
            name=f"gbt27930 charger {edition}, {steps} steps into a charge",
            make=lambda now, edition=edition, steps=steps: charger(now, edition, steps=steps),
            vocabulary=SAID_BY_BMS[edition],
            commands=CHARGER_COMMANDS,
            step_us=11_000_000,
        )
        for edition, steps in (("2011", 0), ("2015", 100))
    ),
    *(
        Subject(
            name=f"gbt27930 vehicle {edition}, {steps} steps into a charge",
            make=lambda now, edition=edition, steps=steps: vehicle(now, edition, steps=steps),
            vocabulary=SAID_BY_CHARGER[edition],
            commands=BMS_COMMANDS,
            step_us=11_000_000,
        )
        for edition, steps in (("2011", 0), ("2015", 100))
    ),
]


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_session_obeys_the_contract(subject: Subject, check: object, data: st.DataObject) -> None:
    script = data.draw(contract.scripts(subject))

    check(subject, script)  # type: ignore[operator]
