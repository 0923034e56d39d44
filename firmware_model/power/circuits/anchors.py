"""Three circuits whose exact figures are known, as data: what the engine is measured on, and examples to start from.

A synchronous buck converter, a dual active bridge of 30 kW, and the pre-charge of a DC link with a load step. All parts are
ideal; open switches leak as in the netlists of the same circuits.
"""

from dataclasses import dataclass

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.elements import Capacitor, Inductor, Resistor, Switch, Transformer, VoltageSource
from firmware_model.power.circuits.gates import Pattern, Pwm, Schedule
from firmware_model.power.circuits.simulation import Meter, Simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A circuit with everything that a run of it needs."""

    circuit: Circuit
    gates: tuple[Pattern, ...]
    meters: tuple[Meter, ...]
    until_us: int
    longest_us: float

    def run(self) -> Simulation:
        """From the beginning to the end."""
        sim = Simulation(self.circuit, gates=self.gates, meters=self.meters, longest_us=self.longest_us)
        sim.run(self.until_us)
        return sim


def leg(high: str, low: str, *, top: str, mid: str) -> tuple[Switch, Switch]:
    """Two switches from *top* over *mid* to ground."""
    return Switch(name=high, plus=top, minus=mid), Switch(name=low, plus=mid, minus="0")


BUCK = Anchor(
    circuit=Circuit(
        name="buck 750 V, 20 kHz",
        elements=(
            VoltageSource(name="VDC", plus="in", minus="0", dc_v=750.0),
            *leg("SH", "SL", top="in", mid="sw"),
            Inductor(name="L1", plus="sw", minus="out", l_h=500e-6),
            Resistor(name="RL1", plus="out", minus="o2", r_ohm=20e-3),
            Capacitor(name="C1", plus="o2", minus="c1", c_f=220e-6),
            Resistor(name="RC1", plus="c1", minus="0", r_ohm=5e-3),
            Resistor(name="RLD", plus="o2", minus="0", r_ohm=12.0),
        ),
    ),
    gates=(Pwm(high=("SH",), low=("SL",), carrier_hz=20e3, duty=0.5),),
    meters=(Meter(name="v", of="v(o2)"), Meter(name="i", of="i(L1)"), Meter(name="ii", of="i(L1)", by="i(L1)")),
    until_us=60_000,
    longest_us=8.5,
)
"""Start-up from zero; fixed duty."""

DAB = Anchor(
    circuit=Circuit(
        name="dual active bridge 750 V : 375 V",
        elements=(
            VoltageSource(name="V1", plus="p", minus="0", dc_v=750.0),
            *leg("S1", "S2", top="p", mid="a"),
            *leg("S3", "S4", top="p", mid="b"),
            Inductor(name="LS", plus="a", minus="x", l_h=60e-6, initial_a=-47.1),
            Resistor(name="RS", plus="x", minus="y", r_ohm=10e-3),
            Transformer(name="T", plus="y", minus="b", second_plus="s1", second_minus="s2", turns_ratio=2.0),
            *leg("S5", "S6", top="o", mid="s1"),
            *leg("S7", "S8", top="o", mid="s2"),
            Capacitor(name="CO", plus="o", minus="c", c_f=220e-6, initial_v=375.0),
            Resistor(name="RCO", plus="c", minus="0", r_ohm=2e-3),
            Resistor(name="RLD", plus="o", minus="0", r_ohm=4.6875),
            Resistor(name="RG1", plus="s1", minus="0", r_ohm=10e6),
            Resistor(name="RG2", plus="s2", minus="0", r_ohm=10e6),
        ),
    ),
    gates=(
        Pwm(high=("S1", "S4"), low=("S2", "S3"), carrier_hz=20e3),
        Pwm(high=("S5", "S8"), low=("S6", "S7"), carrier_hz=20e3, start_shift=0.5 * 0.1507),
    ),
    meters=(
        Meter(name="v", of="v(o)"), Meter(name="ii", of="i(LS)", by="i(LS)"), Meter(name="drawn", of="i(V1)", by="u(V1)"),
        Meter(name="delivered", of="i(RLD)", by="v(o)"),
    ),
    until_us=10_000,
    longest_us=8.5,
)  # fmt: skip
"""Phase shift 0.1507 of half a period, 30 kW."""

PRECHARGE = Anchor(
    circuit=Circuit(
        name="pre-charge and load step",
        elements=(
            VoltageSource(name="VS", plus="s", minus="0", dc_v=537.4),
            Resistor(name="RS", plus="s", minus="s1", r_ohm=0.1),
            Inductor(name="LS", plus="s1", minus="a", l_h=200e-6),
            Resistor(name="RP", plus="a", minus="b", r_ohm=100.0),
            Switch(name="SBY", plus="a", minus="b", on_ohm=5e-3, off_ohm=10e6),
            Capacitor(name="C1", plus="b", minus="c", c_f=1e-3),
            Resistor(name="RC1", plus="c", minus="0", r_ohm=30e-3),
            Resistor(name="RBL", plus="b", minus="0", r_ohm=50e3),
            Switch(name="SLD", plus="b", minus="l", on_ohm=5e-3, off_ohm=10e6),
            Resistor(name="RLD", plus="l", minus="0", r_ohm=19.2),
        ),
    ),
    gates=(Schedule(switch="SBY", times_s=(0.6,)), Schedule(switch="SLD", times_s=(0.7, 0.75))),
    meters=(Meter(name="v", of="v(b)"), Meter(name="i", of="i(LS)")),
    until_us=800_000,
    longest_us=70.0,
)
"""The link through 100 Ω, bypass at 0.60 s, 15 kW from 0.70 s to 0.75 s."""
