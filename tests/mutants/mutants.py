"""Bugs of a pile's firmware, planted on purpose: each is one a programmer really could make. Chosen by index.

A mutant changes settings or habits of the firmware (*changes* to the scenario), or what it says or drives (*plant*).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_model.board import Dout
from firmware_model.mcu.sequence import PileState
from protocols.core.frame import Frame

CCS, CEM, CST, CML, TP_CM = 0x1812F456, 0x081FF456, 0x101AF456, 0x1808F456, 0x1CECF456


@dataclass(frozen=True)
class Mutant:
    """*what* is wrong, the *rule* that it breaks, the *scenario* in which it shows."""

    what: str
    rule: str
    scenario: str
    changes: tuple[str, ...] = ()
    plant: Callable[[object], None] = field(default=lambda bench: None)


def saying(change):
    """Every frame that the firmware hands to its CAN controller passes through *change*: a frame, or None."""

    def plant(bench):
        say = bench.pile.say

        def changed(frame, now):
            other = change(frame)
            return say(other, now) if other is not None else True

        bench.pile.say = changed

    return plant


def with_bytes(can_id, edit):
    """Frames *can_id* are sent with their data edited."""
    return saying(lambda frame: Frame(frame.can_id, bytes(edit(bytearray(frame.data)))) if frame.can_id == can_id else frame)


def driving(change):
    """The coils are driven as *change* (state, bits) says."""

    def plant(bench):
        charger, drive = bench.charger, bench.charger._drive_coils

        def changed():
            drive()
            charger.outputs.gpio = change(charger.state, charger.outputs.gpio)

        charger._drive_coils = changed

    return plant


def asking(voltage=1.0, current=1.0):
    """The set points are the demand times a factor."""

    def plant(bench):
        points, follow = bench.charger._points, bench.charger._points.follow
        points.follow = lambda voltage_mv, current_ma: follow(round(voltage_mv * voltage), round(current_ma * current))

    return plant


def add(data, at, number):
    data[at : at + 2] = (int.from_bytes(data[at : at + 2], "little") + number).to_bytes(2, "little")
    return data


def put(data, at, value):
    data[at] = value
    return data


def without_bit(bit, *states):
    return lambda state, gpio: gpio & ~int(bit) if not states or state in states else gpio


MUTANTS = (
    Mutant("CRO(0x00) is left out", "3.2 CRO 00", "short_charge", ("pile.habits.not_ready_frames=0",)),
    Mutant("CCS every 100 ms", "2.1 periods", "short_charge", ("pile.habits.periods_us={CCS=100_000}",)),
    Mutant("CST after BST says manual", "2.2 CST reason", "vehicle_stop", plant=with_bytes(CST, lambda d: put(d, 0, 0x04))),
    Mutant("three CCS too many after BST", "3.2 CCS ends", "vehicle_stop", ("pile.habits.extra_ccs_after_bst=3",)),
    Mutant("CCS says 20 V too much", "2.2 CCS true", "short_charge", plant=with_bytes(CCS, lambda d: add(d, 0, 200))),
    Mutant("pre-charge ends 60 V below the battery", "8.5 closing", "short_charge",
           ("pile.settings.precharge_below_v=60", "pile.settings.precharge_furthest_v=80")),
    Mutant("a tenth more current than asked for", "8.7 current", "short_charge", plant=asking(current=1.1)),
    Mutant("no CEM when BCS is missing", "3.1 CCS", "timer_bcs_lost", ('pile.habits.omit=["CEM"]',)),
    Mutant("the current falls at 20 A/s", "4.6 ramp", "charger_stop", ("pile.settings.stop_a_per_s=20",)),
    Mutant("K1/K2 open under load", "4.6 open at 5 A", "charger_stop", ("pile.settings.stop_a_per_s=100",),
           driving(without_bit(Dout.K1K2, PileState.RAMP_DOWN))),
    Mutant("the bleeder is never switched on", "4.6 bleed", "charger_stop", plant=driving(without_bit(Dout.BLEEDER))),
    Mutant("the emergency stop is looked at too rarely", "4.6 emergency", "emergency_stop",
           ("pile.settings.emergency_debounce_us=300_000",)),
    Mutant("CC1 is debounced for half a second", "4.6 CC1", "reaction_plug_out", ("pile.settings.plug_out_debounce_us=500_000",)),
    Mutant("the earth relay is debounced for half a second", "4.6 earth", "reaction_earth_lost",
           ("pile.settings.input_debounce_us=500_000",)),
    Mutant("loss of the mains is noticed after three seconds", "4.6 mains", "reaction_mains_lost",
           ("pile.settings.mains_debounce_us=3_000_000", "pile.settings.energy_limit_wh=0")),
    Mutant("CEM with two flags", "8.8 CEM flag", "timer_bcs_lost", plant=with_bytes(CEM, lambda d: put(d, 2, d[2] | 0x04))),
    Mutant("CEM blames BRM", "3.1 BRM limit", "timer_bcs_lost", plant=with_bytes(CEM, lambda d: bytearray.fromhex("FDF0C0FC"))),
    Mutant("five reconnections", "8.9 reconnections", "timer_brm", ("pile.habits.reconnects=5",)),
    Mutant("BSM is not heeded: it charges on while forbidden", "8.6 BSM", "pause_resume", ('pile.habits.deaf_to=["BSM"]',)),
    Mutant("BSM is not heeded: a cell alarm does not stop it", "3.2 BSM abnormal", "reaction_cell_over_voltage",
           ('pile.habits.deaf_to=["BSM"]',)),
    Mutant("CML with priority 7", "8.1 identifiers", "short_charge",
           plant=saying(lambda frame: Frame(frame.can_id | 1 << 26, frame.data) if frame.can_id == CML else frame)),
    Mutant("CML of six bytes", "8.2 form", "short_charge", ("pile.habits.raw={CML={length=6}}",)),
    Mutant("K3/K4 open as soon as the output is off", "8.11 K3/K4", "charger_stop",
           plant=driving(without_bit(Dout.K3K4, PileState.RAMP_DOWN, PileState.BLEED, PileState.SETTLED))),
    Mutant("CST after the emergency stop says manual", "4.6 emergency told", "emergency_stop",
           plant=with_bytes(CST, lambda d: bytearray.fromhex("0400F0F0"))),
    Mutant("requests of the vehicle get no CTS", "8.12 transfers", "timer_brm",
           ('vehicle.habits.omit=["BSP", "BMV", "BMT"]',),
           saying(lambda frame: None if frame.can_id & 0xFFFFFF == TP_CM & 0xFFFFFF and frame.data[0] == 0x11 else frame)),
    Mutant("charging starts before BCS", "8.3 order", "short_charge", ("pile.habits.starts_on_bcl=true",)),
)  # fmt: skip
