"""What to run: a scenario file (TOML) as frozen values, checked key by key.

A scenario says who meets (vehicle, pile), what people and wires do (script, lose) and what must come of it (expect). Every value
has a default, so a scenario states only what is special about it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from firmware_model.battery.demand import Plan
from firmware_model.battery.packs import PACKS
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.power.quasi_static import RATINGS
from firmware_model.recorder import SIGNALS
from hil.expectations import Limit, Never, Order, Within
from protocols.gbt27930.habits import ChargerHabits, VehicleHabits

Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Celsius = Annotated[float, Meta(ge=-40, le=90)]
Ohms = Annotated[float, Meta(ge=0, le=1e12)]
Volts = Annotated[float, Meta(ge=0, le=6553.5)]
Amperes = Annotated[float, Meta(ge=0, le=1000)]
BIT_RATES = (50_000, 125_000, 250_000, 500_000, 1_000_000)
Edition = Literal["2011", "2015", "2023A"]
Action = Literal[
    "plug in",
    "start",
    "stop",
    "vehicle stop",
    "emergency stop",
    "forbid",
    "permit",
    "press button",
    "release button",
    "mains off",
    "mains on",
    "mains dip",
    "reserve",
    "unplug",
]


def _one_of(value: str, allowed: Mapping[str, object], what: str) -> None:
    if value not in allowed:
        raise ValueError(f"{what} {value!r}: one of {', '.join(allowed)}")


class Vehicle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The car that comes to charge."""

    pack: str = "eu500"
    """A pack by name."""
    edition: Edition = "2015"
    soc_pct: Percent = 20.0
    soc_target_pct: Percent = 80.0
    temp_degc: Celsius = 25.0
    plan: Plan = Plan()
    """How it wants to be charged: one voltage limit or stages, greatest current, ramp."""
    habits: VehicleHabits = msgspec.field(default_factory=VehicleHabits)
    protocol_version: Annotated[int, Meta(ge=0, lt=1 << 24)] | None = None
    """In BRM instead of the edition's, for a maker's extension."""
    prepare_s: Seconds = 1.0
    """From CML to closed K5/K6 and BRO(0xAA): the vehicle's own checks."""
    afe: bool = False
    """Its battery management measures through a chain of LTC6811 chips, with their errors and faults; else it knows the truth."""
    tells_cells: bool = False
    """Sends BMV and BMT, which no recorded vehicle does."""

    def __post_init__(self) -> None:
        _one_of(self.pack, PACKS, "pack")


class Pile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pile that charges it."""

    power: str = "60kW"
    """A rating by name."""
    edition: Edition = "2015"
    temp_degc: Celsius = 25.0
    habits: ChargerHabits = msgspec.field(default_factory=ChargerHabits)
    settings: ControllerSettings = ControllerSettings()
    insulation_plus_ohm: Ohms = 20e6
    """Path from DC+ to earth."""
    insulation_minus_ohm: Ohms = 20e6
    tickless: bool = True
    """Leave out task activations that cannot change anything; the result is the same to the byte."""
    level: Literal["averaged", "quasi_static", "switching"] = "averaged"
    """How finely the power stage is modelled: with its control loops, by efficiency and lag only, or edge by edge."""

    exact_sensors: bool = False
    """Its sensors only quantise; else they have gain errors, offsets and noise, drawn from the seed."""

    def __post_init__(self) -> None:
        _one_of(self.power, RATINGS, "power")


class Wires(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies between them."""

    bitrate: int = 250_000
    """Of the CAN segment (bit/s). GB/T 27930-2015 chapter 5 has 250 kbit/s, and 50 where the environment demands it."""

    def __post_init__(self) -> None:
        if self.bitrate not in BIT_RATES:
            raise ValueError(f"bitrate = {self.bitrate}: one of {', '.join(map(str, BIT_RATES))}")


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a person (or the grid) does, *at_s* after the start or after the pile first enters phase *after*."""

    do: Action
    at_s: Seconds = 0.0
    after: str | None = None
    for_s: Seconds | None = None
    """How long a mains dip lasts; how long after it what "reserve" orders begins by itself, if the vehicle is there then."""
    voltage_v: Annotated[float, Meta(ge=0, lt=380)] | None = None
    """What a mains dip leaves between two lines, of 380 V. The stage works from 260 V up, below 323 V with less power."""

    def __post_init__(self) -> None:
        lasts, dips = self.do in ("mains dip", "reserve"), self.do == "mains dip"
        if lasts is not (self.for_s is not None):
            raise ValueError(
                f"do = {self.do!r}: {'say how long: for_s = seconds' if lasts else 'for_s is for dip and reserve only'}"
            )
        if dips is not (self.voltage_v is not None):
            raise ValueError(
                f"do = {self.do!r}: {'say how deep: voltage_v = volts left' if dips else 'voltage_v is for dips only'}"
            )


class Loss(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message that the wire loses: the receiver does not get it, the sender does not know."""

    message: str
    at_s: Seconds = 0.0
    after: str | None = None
    for_s: Seconds | None = None
    """Not given: to the end."""


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that fails: *kind* at *where*, both from the list that `pilebench faults` prints."""

    where: str
    """A place, for example "wire/BCL", "wire/CRO.ready", "sensor/interface_v", "actuator/K1"."""
    kind: str
    args: Mapping[str, float] = {}
    """Numbers of the kind; what is not given has the default of the list."""
    at_s: Seconds = 0.0
    """After the start, or after *after* and *when*."""
    until_s: Seconds | None = None
    """Counted as *at_s*; not given, the fault stays to the end."""
    after: str | None = None
    """A phase of the pile's session."""
    when: str | None = None
    """What must have happened: "CRO.ready == 0xAA", "BCL#100", "current_a > 50"."""


class Expect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold at the end. Only what is stated is checked, besides the safe end that every run must reach."""

    ended: Literal["orderly", "refused", "interrupted", "unplugged"] | None = None
    stop_reason: str | None = None
    """Words that the reason contains."""
    phases: Sequence[str] = ()
    """Phases of the pile that occur in this order, others between them allowed."""
    timeouts: Sequence[str] | None = None
    """The time limits that ran out, pile and vehicle, in order."""
    reconnects: int | None = None
    soc_reached: bool | None = None
    """The battery ends at the vehicle's target, within 0.5 %; or not."""
    soc_pct: tuple[float, float] | None = None
    energy_wh: tuple[float, float] | None = None
    frames: Sequence[str] = ()
    """Frames, as in candump, that occur in this order."""
    stage_live: bool = False
    """The power stage behind the open contactors may keep its voltage: what discharges it is broken."""
    within: Sequence[Within] = ()
    """Answers in time."""
    limits: Sequence[Limit] = ()
    """Signals that stay inside limits."""
    never: Sequence[Never] = ()
    """What must not happen."""
    order: Sequence[Order] = ()
    """What follows what."""
    clause: str = ""
    """Where the standard says so."""


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written of the physical truth. Verdicts know all of it, whatever is written."""

    signals: Sequence[str] = ()
    """Signals by name; none named: all."""
    every_s: Seconds = 0.0
    """Write a signal's changes at most so often; 0: every one."""

    def __post_init__(self) -> None:
        for name in self.signals:
            _one_of(name, SIGNALS, "signal")


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: who, what happens, what must hold."""

    title: str = "A charge"
    seed: Annotated[int, Meta(ge=0)] = 1
    duration_s: Annotated[float, Meta(gt=0, le=1e6)] = 4 * 3600.0
    """Give up after this time."""
    vehicle: Vehicle = Vehicle()
    pile: Pile = Pile()
    wires: Wires = Wires()
    script: Sequence[Step] = (Step(do="plug in"), Step(do="start", at_s=1.0))
    lose: Sequence[Loss] = ()
    faults: Sequence[Fault] = ()
    record: Record = Record()
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        chips = [fault.where for fault in self.faults if fault.where.startswith("afe/")]
        if chips and not self.vehicle.afe:
            raise ValueError(f"fault at {chips[0]!r}: this vehicle has no such chips; set vehicle.afe = true")
