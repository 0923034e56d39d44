"""Every session of every protocol, against the contract of protocols.core.contract. A new session is a new row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.core import contract
from protocols.core.contract import Subject
from protocols.core.frame import Frame
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
]


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_session_obeys_the_contract(subject: Subject, check: object, data: st.DataObject) -> None:
    script = data.draw(contract.scripts(subject))

    check(subject, script)  # type: ignore[operator]
