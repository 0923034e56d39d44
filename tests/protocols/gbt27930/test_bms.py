"""The vehicle's session alone, against frames that a test bench sends (GB/T 34658-2017 ids where one fits)."""

import pytest

from protocols.core.frame import Frame
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.habits import VehicleHabits
from protocols.gbt27930.together import BATTERY
from protocols.j1939 import control

B = BmsState
S = 1_000_000
CHM, CRM_00, CRM_AA = Frame(0x1826F456, b"\x01\x01\x00"), Frame(0x1801F456, b"\0" * 8), Frame(0x1801F456, b"\xaa" + b"\0" * 7)
CML, CRO_00, CRO_AA = Frame(0x1808F456, bytes.fromhex("4c1dd007dc05a00f")), Frame(0x100AF456, b"\0"), Frame(0x100AF456, b"\xaa")
CCS, CST = Frame(0x1812F456, bytes.fromhex("d80eb80b0000fd")), Frame(0x101AF456, bytes.fromhex("0400f0f0"))
CSD, CEM = Frame(0x181DF456, b"\0" * 8), Frame(0x081FF456, bytes.fromhex("fcf0c4fc"))
PATH = [(B.HANDSHAKE, CHM), (B.IDENT, CRM_00), (B.CONFIG, CRM_AA), (B.PREPARING, CML), (B.READY, None), (B.CHARGING, CRO_AA)]


class Bench:
    """The vehicle and a hand that sends it frames and grants its transfers."""

    def __init__(self, edition="2015", to=B.CHARGING, grants=True, **options):
        self.now, self.grants, self.battery = 0, grants, BATTERY
        self.bms = BmsSession(0, report=lambda _: self.battery, edition=EDITIONS[edition], **options)
        self.log: list[tuple[int, int, str]] = []
        self.bms.wake(0)
        self.settle()
        for state, frame in PATH:
            if self.bms.state is to:
                break
            if frame is None:
                self.bms.prepared(self.now)
                self.settle()
            elif state is not B.HANDSHAKE or self.bms.edition.has_handshake:
                self.hear(frame)
            if state in (B.IDENT, B.CONFIG):
                self.wait(100_000)
        assert self.bms.state is to

    def hear(self, *frames):
        for frame in frames:
            self.bms.receive(frame, self.now)
        self.settle()

    def wait(self, us):
        end = self.now + us
        while self.bms.deadline is not None and self.bms.deadline <= end:
            self.now = max(self.now, self.bms.deadline)
            self.settle()
        self.now = end

    def every(self, period_us, us, *frames):
        for _ in range(us // period_us):
            self.hear(*frames)
            self.wait(period_us)

    def settle(self):
        self.bms.tick(self.now)
        for frame in self.bms.frames():
            self.log.append((self.now, frame.can_id >> 16 & 0xFF, frame.data.hex()))
            self.grant(frame)

    def grant(self, frame):
        """The charger's part of a transfer."""
        if not self.grants or frame.can_id >> 16 & 0xFF not in (0xEB, 0xEC):
            return
        if frame.can_id >> 16 & 0xFF == 0xEC and frame.data[0] == 0x10:
            self.packets, self.pgn, self.size = frame.data[3], control.pgn_of(frame.data), control.size_of(frame.data)
            self.bms.receive(Frame(0x1CECF456, control.cts(self.pgn, packets=self.packets, first=1)), self.now)
        elif frame.can_id >> 16 & 0xFF == 0xEB and frame.data[0] == self.packets:
            self.bms.receive(Frame(0x1CECF456, control.eoma(self.pgn, size=self.size)), self.now)

    def sent(self, pf, since=0):
        return [data for at, group, data in self.log if group == pf and at >= since]

    def times(self, pf, data=""):
        return [at for at, group, sent in self.log if group == pf and sent.startswith(data)]


def test_bp1001_bhm_at_once_every_250_ms():
    bench = Bench(to=B.HANDSHAKE)
    bench.wait(1 * S)

    assert bench.times(0x27) == [n * 250_000 for n in range(5)] and set(bench.sent(0x27)) == {"6810"}


def test_bp1002_brm_of_49_bytes_every_250_ms_until_crm_aa():
    bench = Bench(to=B.IDENT)
    bench.wait(900_000)

    assert bench.times(0xEC, "10310007ff000200") == [n * 250_000 for n in range(5)]


def test_bn1005_a_transfer_that_is_not_granted_is_begun_again_and_reported():
    bench = Bench(to=B.HANDSHAKE, grants=False)
    bench.hear(CRM_00)
    began = bench.now
    bench.wait(5 * S)

    assert bench.times(0xEC, "10") == [began + at for at in (0, 1_250_000, 2_500_000, 3_750_000, 5_000_000) if at < 5 * S]
    assert bench.bms.state is B.ERROR and bench.sent(0x1E) == ["f4f0f0fc"]


def test_bn1006_a_transfer_that_is_aborted_is_begun_again_in_the_next_period():
    bench = Bench(to=B.HANDSHAKE, grants=False)
    bench.hear(CRM_00)
    bench.hear(Frame(0x1CECF456, control.abort(0x0200, reason=0xFF)))
    bench.wait(300_000)

    assert [at - bench.times(0xEC, "10")[0] for at in bench.times(0xEC, "10")] == [0, 250_000]


@pytest.mark.parametrize(
    ("to", "again", "limit"),
    [
        (B.IDENT, CRM_00, 5),
        (B.CONFIG, CRM_AA, 5),
        (B.READY, CML, 5),
        (B.READY, CRO_00, 60),
        (B.READY, Frame(0x100AF456, b"\xff"), 5),
    ],
    ids=["BN.1007", "BN.2003", "BN.2006", "BN.2007", "BN.2005"],
)
def test_messages_of_an_earlier_phase_or_without_meaning_do_not_restart_a_limit(to, again, limit):
    bench = Bench(to=to)
    began = bench.now - (100_000 if to in (B.IDENT, B.CONFIG) else 0)

    while bench.bms.state is to:
        bench.every(50_000, 50_000, again)

    assert began + limit * S <= bench.now <= began + limit * S + 50_000
    assert bench.bms.state is B.ERROR


def test_bp2003_the_charging_messages_begin_as_recorded_and_keep_their_periods():
    bench = Bench()
    began = bench.now
    bench.every(50_000, 3 * S, CCS)

    bcl = [at - began for at in bench.times(0x10)]
    assert bcl == [20_000 + n * 50_000 for n in range(60)]
    assert [at - began for at in bench.times(0x13)] == [300_000 + n * 250_000 for n in range(11)]
    assert [at - began for at in bench.times(0xEC, "1009")] == [30_000 + n * 250_000 for n in range(12)]
    assert not bench.sent(0x09, began + 1)


def test_a_long_list_delays_bcs_but_does_not_shift_its_grid():
    bench = Bench(habits=VehicleHabits(first_delay_us={"BCS": 0, "BMV": 100_000}))
    bench.battery = BATTERY._replace(cells_v=(3.8,) * 256)
    began = bench.now
    bench.every(50_000, 3 * S, CCS)

    times = [at - began for at in bench.times(0xEC, "1009")]
    late = [at for at in times if at % 250_000]
    assert len(late) == 1 and 800_000 < late[0] < 900_000
    assert len(times) == 11 and bench.bms.state is B.CHARGING


@pytest.mark.parametrize("length", [6, 7, 8])
def test_ccs_of_every_length_in_the_field_counts(length):
    bench = Bench()

    bench.every(500_000, 3 * S, Frame(0x1812F456, CCS.data.ljust(8, b"\xff")[:length]))

    assert bench.bms.state is B.CHARGING


def test_a_ccs_that_is_too_short_is_a_finding():
    bench = Bench()
    bench.bms.events()

    bench.every(500_000, 1 * S, Frame(0x1812F456, CCS.data[:5]))

    assert bench.bms.state is B.ERROR and bench.sent(0x1E)[0] == "f0f0f1fc"
    assert type(bench.bms.events()[0]).__name__ == "Malformed"


@pytest.mark.parametrize(
    ("cause", "in_2015", "in_2023"),
    [
        (BmsStopCause.SOC_REACHED, "010000f0", "010000c0"),
        (BmsStopCause.VOLTAGE_REACHED, "040000f0", "040000c0"),
        (BmsStopCause.CELL_VOLTAGE_REACHED, "100000f0", "100000c0"),
        (BmsStopCause.INSULATION, "000100f0", "000100c0"),
        (BmsStopCause.CONNECTOR_OVERTEMPERATURE, "000400f0", "000400c0"),
        (BmsStopCause.COMPONENT_OVERTEMPERATURE, "001000f0", "001000c0"),
        (BmsStopCause.CONNECTOR, "004000f0", "004000c0"),
        (BmsStopCause.BATTERY_OVERTEMPERATURE, "000001f0", "000001c0"),
        (BmsStopCause.HV_RELAY, "000004f0", "000004c0"),
        (BmsStopCause.DETECTION_POINT_2, "000010f0", "000010c0"),
        (BmsStopCause.OTHER, "000040f0", "000040c0"),
        (BmsStopCause.EXCESSIVE_CURRENT, "000000f1", "000000c1"),
        (BmsStopCause.VOLTAGE_ABNORMAL, "000000f4", "000000c4"),
        (BmsStopCause.PARAMETER_MISMATCH, "000040f0", "000000d0"),
        (BmsStopCause.BY_CHARGER, "400000f0", "400000c0"),
    ],
)
def test_every_cause_has_its_bst(cause, in_2015, in_2023):
    for edition, data in (("2015", in_2015), ("2023A", in_2023)):
        bench = Bench(edition)

        bench.bms.stop(cause, bench.now)
        bench.settle()

        assert bench.sent(0x19) == [data], edition


@pytest.mark.parametrize(
    ("cause", "flags"),
    [
        (BmsStopCause.SOC_REACHED, {"soc_reached"}),
        (BmsStopCause.HV_RELAY, {"other"}),
        (BmsStopCause.DETECTION_POINT_2, {"other"}),
        (BmsStopCause.PARAMETER_MISMATCH, {"other"}),
        (BmsStopCause.BY_CHARGER, set()),
    ],
)
def test_what_2011_has_no_flag_for_is_another_fault(cause, flags):
    bench = Bench("2011")

    bench.bms.stop(cause, bench.now)
    bench.settle()

    bst = EDITIONS["2011"].messages["BST"].decode(bytes.fromhex(bench.sent(0x19)[0]))
    assert {name for name, value in bst.as_dict().items() if value == 1} == flags


def test_bp3004_cst_is_answered_by_bst_and_then_statistics_as_recorded():
    bench = Bench()
    began = bench.now
    bench.every(10_000, 400_000, CST)
    bench.hear(CSD)
    bench.wait(2 * S)

    assert [at - began for at in bench.times(0x19)] == [n * 10_000 for n in range(10)] and set(bench.sent(0x19)) == {"400000f0"}
    assert [at - began for at in bench.times(0x1C)] == [350_000, 600_000, 850_000, 1_100_000, 1_350_000]
    assert bench.bms.state is B.END and bench.bms.end.orderly and bench.bms.end.reason == "stopped by the charger"


def test_a_stop_before_identification_falls_silent():
    bench = Bench(to=B.HANDSHAKE)

    bench.bms.stop(BmsStopCause.INSULATION, bench.now)
    bench.every(250_000, 5 * S, CHM, CRM_00)

    assert bench.bms.state is B.END and len(bench.log) == 1 and bench.bms.end.reason == "refused: insulation"


def test_after_an_error_message_a_new_crm_is_heeded_when_five_were_sent():
    bench = Bench()
    bench.wait(1 * S)
    failed_at = bench.now
    bench.every(250_000, 2 * S, CRM_00)

    assert bench.bms.state is B.IDENT
    assert bench.times(0x1E) == [failed_at + n * 250_000 for n in range(6)]
    assert min(at for at in bench.times(0xEC, "1031") if at > failed_at) == failed_at + 1_250_000


def test_a_stop_during_an_error_forbids_a_new_attempt():
    bench = Bench()
    bench.wait(1 * S)

    bench.bms.stop(BmsStopCause.OTHER, bench.now)
    bench.every(250_000, 2 * S, CRM_00)

    assert bench.bms.state is B.END and bench.bms.end.reason == "communication interrupted: no CCS in time"


@pytest.mark.parametrize(
    ("data", "comes_back"), [("fcf0c4fc", True), ("fcf0d0fc", False), ("fcf0c0fd", False)], ids=["BCL", "BST", "BSD"]
)
def test_a_cem_of_the_end_phase_forbids_a_new_attempt(data, comes_back):
    bench = Bench()

    bench.hear(Frame(0x081FF456, bytes.fromhex(data)))
    bench.every(250_000, 2 * S, CRM_00)

    assert bench.bms.state is (B.IDENT if comes_back else B.END) and not bench.sent(0x1E)


@pytest.mark.parametrize("state", [B.AWAKE, *(state for state, _ in PATH)], ids=lambda state: state.name)
def test_without_supply_the_vehicle_is_silent_at_once(state):
    """BP.4003; a transfer under way goes no further."""
    bench = Bench(to=state)
    bench.wait(60_000 if state is not B.CHARGING else 40_000)

    bench.bms.sleep(bench.now)
    said = len(bench.log)
    bench.every(250_000, 2 * S, CHM, CRM_00, CRM_AA, CML, CRO_AA, Frame(0x1CECF456, control.cts(0x0200, packets=7, first=1)))

    assert bench.bms.state is B.ASLEEP and len(bench.log) == said and bench.bms.deadline is None and not bench.bms.latest


def test_a_vehicle_that_falls_back_takes_a_charger_without_chm_for_one_of_2011():
    for habits, edition, rts in ((VehicleHabits(), "2011", "1029"), (VehicleHabits(falls_back=False), "2015", "1031")):
        bench = Bench(to=B.AWAKE, habits=habits)

        bench.hear(CRM_00)

        assert bench.bms.edition is EDITIONS[edition] and bench.sent(0xEC)[0].startswith(rts)


def test_2011_never_says_not_ready():
    bench = Bench("2011", to=B.PREPARING)
    bench.wait(2 * S)

    assert not bench.sent(0x09)


def test_what_was_heard_before_a_fall_back_is_read_anew_after_it():
    bench = Bench(to=B.AWAKE)

    bench.hear(CRM_00)
    bench.hear(CRM_00)

    assert type(bench.bms.latest["CRM"]) is EDITIONS["2011"].messages["CRM"]
