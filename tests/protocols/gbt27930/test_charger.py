"""The charger's session alone, against frames that a test bench sends (GB/T 34658-2017 ids where one fits)."""

import pytest

from protocols.core.frame import Frame
from protocols.gbt27930.charger import STATISTICS_AT_MOST_US, ChargerSession
from protocols.gbt27930.charger_messages import ChargerRating, ChargerReport
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.editions import EDITIONS, SUPERCHARGE_VERSION
from protocols.gbt27930.messages import BCL, BCP, BCS, BEM, BHM, BMS, BRM, BRO, BSD, BSM, BST
from protocols.gbt27930.strategies import as_frames

C = ChargerState
S = 1_000_000
REPORT = ChargerReport(voltage_v=380.0, current_a=10.0, energy_wh=2500.0)
PARAMETERS = BCP(
    cell_voltage_max_v=4.2,
    current_max_a=150.0,
    energy_kwh=50.0,
    voltage_max_v=420.0,
    temp_max_degc=55,
    soc_pct=50.0,
    voltage_v=380.0,
)
IDENTITY = BRM(version=0x000101, battery_type=6, capacity_ah=145.0, voltage_v=330.0)
STATUS = BCS(voltage_v=380.0, current_a=10.0, cell_voltage_max_v=3.9, cell_group=1, soc_pct=50, remaining_min=60)
DEMAND = BCL(voltage_v=400.0, current_a=100.0, mode=2)
NOMINAL = {"cell_voltage_max_number": 1, "temp_max_degc": 25, "temp_max_point": 1, "temp_min_degc": 25, "temp_min_point": 1}
ORDER = [C.HANDSHAKE, C.SELFTEST, C.IDENT_00, C.IDENT_AA, C.CONFIG, C.PRECHARGE, C.READY, C.CHARGING]


class Bench:
    """The charger and a hand that sends it messages."""

    def __init__(self, edition="2015", to=C.CHARGING, **options):
        self.now = 0
        self.charger = ChargerSession(0, report=lambda _: REPORT, edition=EDITIONS[edition], **options)
        self.log: list[tuple[int, str, str]] = []
        self.charger.start(0)
        self.settle()
        for state in ORDER[1 : ORDER.index(to) + 1]:
            if self.charger.state is not state:
                self.step_to(state)

    def step_to(self, state):
        charger = self.charger
        if state is C.IDENT_00:
            charger.insulation_passed(self.now)
        elif state is C.READY:
            charger.output_ready(self.now)
        else:
            told = {
                C.SELFTEST: [BHM(voltage_max_v=420.0)],
                C.IDENT_AA: [IDENTITY],
                C.CONFIG: [PARAMETERS],
                C.PRECHARGE: [BRO(ready=0xAA)],
            }
            for message in told.get(state, [DEMAND, STATUS]):
                self.hear(message)
        self.settle()
        assert charger.state is state

    def hear(self, message):
        edition = self.charger.edition
        layout = edition.messages.get(message.title, type(message))
        for frame in as_frames(layout(**{k: v for k, v in message.as_dict().items() if not field(layout, k).absent}), source=BMS):
            self.charger.receive(frame, self.now)
        self.settle()

    def wait(self, us):
        end = self.now + us
        while self.charger.deadline is not None and self.charger.deadline <= end:
            self.now = max(self.now, self.charger.deadline)
            self.settle()
        self.now = end

    def every(self, period_us, us, *messages):
        """Hear *messages* periodically for *us*."""
        for _ in range(us // period_us):
            for message in messages:
                self.hear(message)
            self.wait(period_us)

    def settle(self):
        self.charger.tick(self.now)
        for frame in self.charger.frames():
            layout = self.charger.edition.by_pgn.get(frame.can_id >> 8 & 0xFF00)
            self.log.append((self.now, layout.title if layout else "TP", frame.data.hex()))

    def sent(self, name, since=0):
        return [data for at, sent, data in self.log if sent == name and at >= since]


def field(layout, name):
    return next(field for field in layout.fields if field.name == name)


def bsm(**values):
    return BSM(**NOMINAL | values)


# ---- identification and configuration --------------------------------------------------------------------------------


def test_dp1001_chm_at_once_every_250_ms_three_bytes():
    bench = Bench(to=C.HANDSHAKE)
    bench.wait(2 * S)

    assert [(at, data) for at, _, data in bench.log] == [(n * 250_000, "010100") for n in range(9)]


@pytest.mark.parametrize(
    ("ready", "ends"), [(0xFF, 5 * S), (0x55, 5 * S), (0x00, 60 * S)], ids=["invalid", "unknown", "not ready"]
)
def test_only_bro_00_keeps_the_charger_waiting(ready, ends):
    """DP.2002, DN.2004, DN.2005."""
    bench = Bench(to=C.CONFIG)
    began = bench.now

    while bench.charger.state is C.CONFIG:
        bench.every(250_000, 250_000, BRO(ready=ready))

    assert bench.now - began in (ends, ends + 250_000)
    assert bench.sent("CEM")[0] == "fcf4c0fc"


@pytest.mark.parametrize("ready", [0x00, None], ids=["DN.2009", "DN.2007"])
def test_five_seconds_after_the_last_bro_aa_the_charger_gives_up_or_is_ready(ready):
    """Amendment 1 of GB/T 34658-2017."""
    for ready_after_us, state in ((4_900_000, C.READY), (5_100_000, C.ERROR)):
        bench = Bench(to=C.PRECHARGE)
        for _ in range(ready_after_us // 100_000):
            if ready is not None and bench.charger.state is C.PRECHARGE:
                bench.hear(BRO(ready=ready))
            bench.wait(100_000)

        bench.charger.output_ready(bench.now)

        assert bench.charger.state is state
        assert set(bench.sent("CRO")) == {"00"} and len(bench.sent("CRO")) == 20


def test_bro_00_before_the_output_is_ready_is_a_precharge_fault_in_2023():
    bench = Bench("2023A", to=C.PRECHARGE)

    bench.hear(BRO(ready=0x00))

    assert bench.charger.cause is StopCause.PRECHARGE and bench.sent("CST") == ["100040c0"]


@pytest.mark.parametrize("state", [C.CONFIG, C.PRECHARGE], ids=lambda state: state.name)
def test_bro_00_means_cannot_charge_in_2011(state):
    bench = Bench("2011", to=state)

    bench.hear(BRO(ready=0x00))

    assert bench.charger.state is C.END and bench.charger.end.reason == "refused by the vehicle"


def test_an_output_that_is_ready_too_early_does_not_count():
    bench = Bench(to=C.CONFIG)
    bench.charger.output_ready(bench.now)
    bench.hear(BRO(ready=0xAA))
    bench.wait(1 * S)

    assert bench.charger.state is C.PRECHARGE and set(bench.sent("CRO")) == {"00"}


MISMATCHES = [
    ({"voltage_max_v": 190.0}, True, True),
    ({"voltage_v": 800.0}, True, True),
    ({"voltage_v": 150.0}, False, True),
    ({}, False, False),
]


@pytest.mark.parametrize(("change", "in_2015", "in_2023"), MISMATCHES, ids=["pack too low", "too high", "too low", "good"])
@pytest.mark.parametrize("edition", ["2015", "2023A"])
def test_a_battery_that_does_not_match_is_told_by_cml_and_then_cst(edition, change, in_2015, in_2023):
    bench = Bench(edition, to=C.IDENT_AA)

    bench.hear(BCP(**PARAMETERS.as_dict() | change))
    bench.wait(100_000)

    names = [name for _, name, _ in bench.log if name not in ("TP", "CHM", "CRM", "CTS")]
    if in_2015 if edition == "2015" else in_2023:
        assert names[:2] == ["CML", "CST"] and set(names[1:]) == {"CST"}
        assert bench.sent("CST")[0] == ("1000f4f0" if edition == "2015" else "100000d0")
    else:
        assert names == ["CML"]


# ---- charging --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "limit", "code"),
    [([DEMAND], 5 * S, "fcf0c1fc"), ([STATUS], 1 * S, "fcf0c4fc"), ([DEMAND, bsm()], 5 * S, "fcf0c1fc"), ([], 1 * S, "fcf0c4fc")],
    ids=["DN.3001", "DN.3002", "DN.3003", "DN.2010"],
)
def test_ccs_needs_both_demand_and_status(told, limit, code):
    bench = Bench(to=C.READY)
    began = bench.now

    while bench.charger.state is C.READY:
        bench.every(50_000, 50_000, *told)

    assert limit <= bench.now - began <= limit + 50_000
    assert not bench.sent("CCS") and bench.sent("CEM")[0] == code


def test_wrong_demands_are_findings_and_no_demands():
    """DN.3004, DN.3008."""
    bench = Bench()
    bench.charger.events()
    for _ in range(30):
        bench.charger.receive(Frame(0x181056F4, b"\xa0\x0f"), bench.now)
        bench.wait(50_000)

    assert bench.charger.state is C.ERROR and bench.sent("CEM")[0] == "fcf0c4fc"
    assert type(bench.charger.events()[0]).__name__ == "Malformed"


def test_what_was_said_before_cro_aa_does_not_count():
    bench = Bench(to=C.PRECHARGE)
    bench.hear(DEMAND)
    bench.hear(STATUS)

    bench.charger.output_ready(bench.now)
    bench.settle()
    bench.hear(STATUS)

    assert bench.charger.state is C.READY


@pytest.mark.parametrize("name", ["cell_voltage", "soc", "overcurrent", "overtemperature", "insulation", "connector"])
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_an_abnormal_state_stops_and_an_untrusted_one_changes_nothing(name, code):
    """DP.3005; GB/T 27930-2015 C.3."""
    stops = code == 1 or (code == 2 and name in ("cell_voltage", "soc"))
    bench = Bench()

    bench.hear(bsm(**{name: code}))

    assert bench.charger.state is (C.STOPPING if stops else C.CHARGING)
    assert bench.sent("CST") == (["1000f4f0"] if stops else [])


@pytest.mark.parametrize("code", [2, 3])
@pytest.mark.parametrize("permitted", [0, 1])
def test_an_untrusted_permission_keeps_the_previous_one(permitted, code):
    bench = Bench()
    bench.hear(bsm(permitted=permitted))
    before = bench.charger.state

    bench.hear(bsm(permitted=code))

    assert bench.charger.state is before is (C.CHARGING if permitted else C.PAUSED)


def test_dp3003_no_ccs_after_bst():
    bench = Bench()
    bench.every(50_000, 500_000, DEMAND)
    at = bench.now

    bench.hear(BST(**{field.name: 0 for field in EDITIONS["2015"].messages["BST"].available()}))
    bench.wait(1 * S)

    assert not bench.sent("CCS", at + 1) and bench.sent("CST") == ["4000f0f0"] * 101


@pytest.mark.parametrize(("edition", "demand"), [("2011", 20.0), ("2015", 20.0), ("2023A", 0.0)])
def test_a_demand_below_the_minimum_is_clamped_and_in_2023_the_end(edition, demand):
    bench = Bench(edition, rating=ChargerRating(current_min_a=20.0))

    bench.hear(BCL(voltage_v=400.0, current_a=5.0, mode=2))

    assert bench.charger.demand.current_a == demand
    assert bench.charger.state is (C.CHARGING if demand else C.STOPPING)
    assert bench.sent("CST") == ([] if demand else ["100000d0"])


@pytest.mark.parametrize(
    ("cause", "in_2011", "in_2015", "in_2023"),
    [
        (StopCause.MANUAL, "c400f0f0", "0400f0f0", "040000c0"),
        (StopCause.CONDITION_REACHED, "c100f0f0", "0100f0f0", "010000c0"),
        (StopCause.EMERGENCY_STOP, "d000f1f0", "1000f1f0", "100001c0"),
        (StopCause.CONNECTOR, "d004f0f0", "1004f0f0", "100400c0"),
        (StopCause.OVERTEMPERATURE, "d001f0f0", "1001f0f0", "100100c0"),
        (StopCause.INTERNAL_OVERTEMPERATURE, "d010f0f0", "1010f0f0", "101000c0"),
        (StopCause.ENERGY, "d040f0f0", "1040f0f0", "104000c0"),
        (StopCause.CURRENT_MISMATCH, "d000f0f1", "1000f0f1", "100000c1"),
        (StopCause.VOLTAGE_ABNORMAL, "d000f0f4", "1000f0f4", "100000c4"),
        (StopCause.SELF_CHECK, "d000f4f0", "1000f4f0", "100010c0"),
        (StopCause.PRECHARGE, "d000f4f0", "1000f4f0", "100040c0"),
        (StopCause.PARAMETER_MISMATCH, "d000f4f0", "1000f4f0", "100000d0"),
        (StopCause.BMS_STATUS, "d000f4f0", "1000f4f0", "100004c0"),
        (StopCause.PAUSE_TOO_LONG, "d000f4f0", "1000f4f0", "100004c0"),
        (StopCause.OTHER, "d000f4f0", "1000f4f0", "100004c0"),
        (StopCause.BY_BMS, "c000f0f0", "4000f0f0", "400000c0"),
    ],
)
def test_every_cause_has_its_cst_in_every_edition(cause, in_2011, in_2015, in_2023):
    for edition, data in (("2011", in_2011), ("2015", in_2015), ("2023A", in_2023)):
        bench = Bench(edition)

        bench.charger.stop(cause, bench.now)
        bench.settle()

        assert bench.sent("CST") == [data], edition


def test_the_first_cause_stays():
    bench = Bench()
    bench.charger.stop(StopCause.CONNECTOR, bench.now)
    bench.charger.stop(StopCause.MANUAL, bench.now)

    assert bench.charger.cause is StopCause.CONNECTOR


# ---- the end ---------------------------------------------------------------------------------------------------------

STATISTICS = BSD(soc_pct=80, cell_voltage_min_v=3.9, cell_voltage_max_v=4.0, temp_min_degc=20, temp_max_degc=30)


def test_dp4001_csd_answers_bsd_and_ends_soon_after_the_last():
    bench = Bench()
    bench.charger.stop(StopCause.MANUAL, bench.now)
    bench.wait(500_000)
    began = bench.now

    bench.every(250_000, 1 * S, STATISTICS)
    bench.wait(2 * S)

    assert bench.charger.state is C.END and bench.charger.end.orderly
    assert bench.sent("CSD") == ["0000190001000000"] * 8 and not bench.sent("CST", began + 1)


def test_statistics_end_even_if_bsd_never_does():
    bench = Bench()
    bench.charger.stop(StopCause.MANUAL, bench.now)
    began = bench.now

    while bench.charger.state is not C.END and bench.now < began + 2 * STATISTICS_AT_MOST_US:
        bench.every(100_000, 100_000, STATISTICS)

    assert bench.now - began == STATISTICS_AT_MOST_US + 100_000 or bench.now - began == STATISTICS_AT_MOST_US
    assert bench.charger.end.orderly


@pytest.mark.parametrize(("flag", "comes_back"), [("ccs", True), ("crm_aa", True), ("cst", False), ("csd", False)])
def test_a_bem_of_the_end_phase_forbids_a_new_attempt(flag, comes_back):
    bench = Bench()

    bench.hear(BEM(**{name: int(name == flag) for name in ("crm_00", "crm_aa", "cml", "cro", "ccs", "cst", "csd")}))
    bench.charger.output_safe(bench.now)
    bench.wait(2 * S)

    assert bench.charger.state is (C.IDENT_00 if comes_back else C.END)
    assert not bench.sent("CEM")


def test_after_a_reconnection_the_edition_is_found_anew():
    bench = Bench(to=C.IDENT_00)
    bench.hear(BRM(**IDENTITY.as_dict() | {"version": SUPERCHARGE_VERSION}))
    assert bench.charger.edition.name == "2015+3000A"
    bench.wait(6 * S)
    bench.charger.output_safe(bench.now)
    bench.wait(2 * S)
    assert bench.charger.state is C.IDENT_00 and bench.charger.edition is EDITIONS["2015"]

    bench.hear(IDENTITY)

    assert bench.charger.edition is EDITIONS["2015"] and not {"BCP", "BCL"} & bench.charger.latest.keys()


@pytest.mark.parametrize(("version", "edition"), [(0x000100, "2011"), (0x000101, "2015"), (0x000102, "2015")])
def test_without_a_handshake_the_brm_tells_the_edition(version, edition):
    bench = Bench(to=C.HANDSHAKE)
    bench.wait(5 * S)
    bench.charger.insulation_passed(bench.now)
    assert bench.charger.edition is EDITIONS["2011"] and len(bench.sent("CHM")) == 20

    bench.hear(BRM(**IDENTITY.as_dict() | {"version": version}))

    assert bench.charger.edition is EDITIONS[edition]


# ---- time ------------------------------------------------------------------------------------------------------------


def test_a_late_tick_keeps_the_grid():
    bench = Bench()
    began = bench.now
    bench.now += 173_000
    bench.settle()
    bench.hear(DEMAND)
    bench.wait(100_000)

    times = [at - began for at, name, _ in bench.log if name == "CCS"]
    assert times == [0, 173_000, 200_000, 250_000]


def test_in_one_moment_a_limit_wins_over_a_message():
    bench = Bench()

    bench.wait(1 * S)

    assert bench.charger.state is C.ERROR
    assert [name for at, name, _ in bench.log if at == bench.now] == ["CEM"]


def test_the_report_is_asked_when_a_message_is_built():
    asked = []
    charger = ChargerSession(0, report=lambda now: asked.append(now) or REPORT._replace(energy_wh=0.0))
    charger.start(0)
    charger.tick(0)

    assert asked == []
