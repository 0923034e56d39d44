"""Every time limit of GB/T 27930 annex A runs out exactly at its limit, once, and says so by the right error message."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.together import LATENCY_US, NEVER, Hardware, Together, name_of

C, B = ChargerState, BmsState
S = 1_000_000
CHARGING = (C.CHARGING, B.CHARGING)
NEVER_READY, NEVER_MATCHED, NEVER_SAFE = Hardware(prepare_us=None), Hardware(match_us=None), Hardware(safe_us=None)
Origin = Callable[[Together], int]


def first(name: str, data: str = "") -> Origin:
    return lambda t: t.times(name, bytes.fromhex(data))[0]


def last_heard(name: str) -> Origin:
    """The last arrival of a short message."""
    return lambda t: max(s.now for s in t.frames if s.name == name and s.now <= t.cut_at) + LATENCY_US


def last_whole(name: str) -> Origin:
    """The charger's last acknowledgement: the message was in."""
    return lambda t: max(s.now for s in t.frames if s.name == name and s.who == "charger" and s.frame.data[0] == 0x13)


def entered(who: str, state: object) -> Origin:
    return lambda t: next(e.now for e in t.events if e.who == who and getattr(e.what, "after", None) is state)


@dataclass(frozen=True)
class Row:
    who: str
    timer: str
    limit_us: int
    lost: str
    """Message (and first byte) that does not arrive."""
    since: Origin
    error: str | None
    """The CEM or BEM that must follow; None: another reaction."""
    cut: tuple[object, ...] = ()
    """When the loss begins: as soon as both are in these states; empty: from the start."""
    edition: str = "2015"
    hardware: Hardware = field(default_factory=Hardware)
    prelude: Callable[[Together], None] | None = None
    """What is done before the loss."""


def stop(t: Together) -> None:
    t.act(t.charger.stop, StopCause.MANUAL)


def vehicle_stop(t: Together) -> None:
    t.act(t.bms.stop, BmsStopCause.SOC_REACHED)


def forbid(t: Together) -> None:
    t.battery = t.battery._replace(permitted=False)
    t.run_to(C.PAUSED)


def seconds(t: Together) -> None:
    t.wait(2_100_000)


ROWS = [
    # charger
    Row("charger", "BHM", 5 * S, "BHM", first("CHM"), None),
    Row("charger", "BHM", 10 * S, "BHM", first("CHM"), None, edition="2023A"),
    Row("charger", "BRM", 5 * S, "BRM", first("CRM", "00"), "fd f0 c0 fc"),
    Row("charger", "BCP", 5 * S, "BCP", first("CRM", "aa"), "fc f1 c0 fc"),
    Row("charger", "BRO", 5 * S, "BRO", first("CML"), "fc f4 c0 fc"),
    Row("charger", "BRO ready", 60 * S, "BRO aa", first("CML"), "fc f4 c0 fc", hardware=NEVER_READY),
    Row("charger", "BRO", 5 * S, "BRO", last_heard("BRO"), "fc f4 c0 fc", cut=(C.PRECHARGE,), hardware=NEVER_MATCHED),
    Row("charger", "BCL", 1 * S, "BCL", first("CRO", "aa"), "fc f0 c4 fc"),
    Row("charger", "BCL", 1 * S, "BCL", last_heard("BCL"), "fc f0 c4 fc", cut=CHARGING, prelude=seconds),
    Row("charger", "BCL", 1 * S, "BCL", last_heard("BCL"), "fc f0 c4 fc", cut=CHARGING, prelude=forbid),
    Row("charger", "BCL", 100_000, "BCL", first("CRO", "aa"), "fc f0 c4 fc", edition="2011"),
    Row("charger", "BCL", 100_000, "BCL", last_heard("BCL"), "fc f0 c4 fc", cut=CHARGING, edition="2011", prelude=seconds),
    Row("charger", "BCS", 5 * S, "BCS", first("CRO", "aa"), "fc f0 c1 fc"),
    Row("charger", "BCS", 5 * S, "BCS", last_whole("BCS"), "fc f0 c1 fc", cut=CHARGING, prelude=seconds),
    Row("charger", "BSM", 5 * S, "BSM", last_heard("BSM"), "fc f0 40 fc", cut=CHARGING, edition="2023A", prelude=seconds),
    Row("charger", "pause", 600 * S, "nothing", entered("charger", C.PAUSED), None, cut=CHARGING, prelude=forbid),
    Row("charger", "BST", 5 * S, "BST/BSD", first("CST"), "fc f0 d0 fc", cut=CHARGING, prelude=stop),
    Row("charger", "BSD", 10 * S, "BSD", first("CST"), "fc f0 c0 fd", cut=CHARGING, prelude=stop),
    Row("charger", "BSD", 10 * S, "BSD", first("CST"), "fc f0 c0 fd", cut=CHARGING, prelude=vehicle_stop),
    Row("charger", "output safe", 30 * S, "BCL", entered("charger", C.ERROR), None, hardware=NEVER_SAFE),
    # vehicle
    Row("bms", "CHM", 60 * S, "charger", lambda t: 0, "f1 f0 f0 fc"),
    Row("bms", "CRM", 30 * S, "CRM", lambda t: first("CHM")(t) + LATENCY_US, "f1 f0 f0 fc"),
    Row("bms", "CRM AA", 5 * S, "CRM aa", first("BRM"), "f4 f0 f0 fc"),
    Row("bms", "CML", 5 * S, "CML", first("BCP"), "f0 f1 f0 fc"),
    Row("bms", "CRO", 5 * S, "CRO", first("BRO", "aa"), "f0 f4 f0 fc"),
    Row(
        "bms", "CRO", 5 * S, "CRO", last_heard("CRO"), "f0 f4 f0 fc", cut=(C.PRECHARGE,), prelude=seconds, hardware=NEVER_MATCHED
    ),
    Row("bms", "CRO ready", 60 * S, "CRO aa", first("BRO", "aa"), "f0 f4 f0 fc", hardware=NEVER_MATCHED),
    Row("bms", "CCS", 1 * S, "CCS", entered("bms", B.CHARGING), "f0 f0 f1 fc"),
    Row("bms", "CCS", 1 * S, "CCS", last_heard("CCS"), "f0 f0 f1 fc", cut=CHARGING, prelude=seconds),
    Row("bms", "CCS", 100_000, "CCS", entered("bms", B.CHARGING), "f0 f0 f1 fc", edition="2011"),
    Row("bms", "CCS", 100_000, "CCS", last_heard("CCS"), "f0 f0 f1 fc", cut=CHARGING, edition="2011", prelude=seconds),
    Row("bms", "CST", 5 * S, "CST", first("BST"), "f0 f0 f4 fc", cut=CHARGING, prelude=vehicle_stop),
    Row("bms", "CSD", 10 * S, "CSD", first("BST"), "f0 f0 f0 fd", cut=CHARGING, prelude=vehicle_stop),
    Row("bms", "CSD", 10 * S, "CSD", first("BST"), "f0 f0 f0 fd", cut=CHARGING, prelude=stop),
    Row("bms", "CRM again", 30 * S, "charger", entered("bms", B.ERROR), None, cut=CHARGING),
]


def bench(row: Row) -> Together:
    """The side under test meets a patient peer, on a wire that loses what the row says, and error messages."""
    edition = EDITIONS[row.edition]
    patient = replace(edition, limits={name: replace(limit, us=1000 * limit.us) for name, limit in edition.limits.items()})
    editions = {"charger": patient, "bms": patient} | {row.who: edition}
    t = Together(**editions, hardware=row.hardware, channel=lambda frame, at: channel(frame, at))
    t.cut_at = 1 << 62
    name, _, data = row.lost.partition(" ")

    def channel(frame, at):
        lost = name_of(frame) in name.split("/") and frame.data.startswith(bytes.fromhex(data))
        lost = lost or (name == "charger" and frame.can_id & 0xFF == 0x56)
        error = name_of(frame) in ("CEM", "BEM")
        return () if at >= t.cut_at and (lost or error) else (at + LATENCY_US,)

    if not row.cut:
        t.cut_at = 0
    t.plug_in()
    if row.cut:
        t.run_to(*row.cut)
        if row.timer in ("BST", "BSD", "CST", "CSD"):
            t.cut_at = t.now
        if row.prelude:
            row.prelude(t)
        t.cut_at = min(t.cut_at, t.now)
    return t


def run_to_timeout(t: Together, who: str, timer: str) -> int:
    seen = 0
    while t.due < NEVER and t.now < 700 * S:
        t.run(t.due)
        if len(t.events) > seen:
            seen = len(t.events)
            for at, name in t.timeouts(who):
                if name == timer:
                    return at
    raise AssertionError(f"{timer} never ran out: {t.timeouts(who)}, {t.charger.state}, {t.bms.state}")


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.who} {r.timer} {r.edition} {'from start' if not r.cut else 'later'}")
def test_a_limit_runs_out_exactly_when_it_must_and_once(row: Row) -> None:
    t = bench(row)

    at = run_to_timeout(t, row.who, row.timer)

    assert at == row.since(t) + row.limit_us
    assert [name for _, name in t.timeouts(row.who)].count(row.timer) == 1
    if row.error is not None:
        says_so(t, row, at)


def says_so(t: Together, row: Row, at: int) -> None:
    """The error message, at once and every 250 ms, at least five times, with the one flag (invariant 8)."""
    name = "CEM" if row.who == "charger" else "BEM"

    t.wait(1_100_000)

    assert t.times(name) == [at + n * 250_000 for n in range(5)]
    assert t.times(name, bytes.fromhex(row.error)) == t.times(name)
    assert row.who == "bms" or t.charger.demand.current_a == 0


def test_every_limit_of_the_table_has_a_row() -> None:
    limits = {name for edition in EDITIONS.values() for name in edition.limits}

    assert {row.timer for row in ROWS} == limits


@pytest.mark.parametrize("edition", ["2011", "2015"])
def test_before_2023_a_missing_bsm_is_no_error(edition: str) -> None:
    t = Together(charger=EDITIONS[edition], bms=EDITIONS[edition])
    t.plug_in()
    t.run_to(*CHARGING)
    t.channel = lambda frame, at: () if name_of(frame) == "BSM" else (at + LATENCY_US,)

    t.wait(20 * S)

    assert t.charger.state is C.CHARGING


def test_in_2023_bsm_is_timed_only_from_the_first_one_on() -> None:
    lost = lambda frame, at: () if name_of(frame) == "BSM" else (at + LATENCY_US,)  # noqa: E731
    t = Together(charger=EDITIONS["2023A"], bms=EDITIONS["2023A"], channel=lost)
    t.plug_in()
    t.run_to(*CHARGING)

    t.wait(20 * S)

    assert t.charger.state is C.CHARGING


@pytest.mark.parametrize(
    ("state", "repeated", "timer"),
    [(C.IDENT_00, "BHM", "BRM"), (C.IDENT_AA, "BRM", "BCP"), (C.CONFIG, "BCP", "BRO"), (C.READY, "BRO", "BCL")],
    ids=["DN.1003", "DN.1004", "DN.2006", "DN.2010"],
)
def test_messages_of_an_earlier_phase_do_not_restart_a_limit(state: ChargerState, repeated: str, timer: str) -> None:
    t = Together(hardware=Hardware(match_us=100_000))
    t.plug_in()
    t.run_to(state)
    since, heard = t.now, t.charger.latest.get(repeated)
    t.channel = lambda frame, at: () if frame.can_id & 0xFF == 0xF4 else (at + LATENCY_US,)

    for _ in range(200):
        if t.charger.state is state:
            t.charger._talk._hear[repeated](heard or t.charger.edition.messages["BHM"](voltage_max_v=400.0), t.now)
        t.wait(100_000)

    assert t.timeouts("charger")[0] == (since + EDITIONS["2015"].limits[timer].us, timer)
