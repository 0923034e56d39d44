import pytest

from firmware_model.power.bridge_map import delivered, half_period, shift_for
from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.elements import Diode, Inductor, Resistor, Switch, Transformer, VoltageSource
from firmware_model.power.circuits.gates import Pwm
from firmware_model.power.circuits.simulation import Meter, Simulation

L_H, PERIOD_S, DEAD_S = 60e-6, 50e-6, 1.5e-6


@pytest.mark.parametrize("shift", [0.02, 0.1507, 0.3, -0.2])
def test_without_dead_time_it_is_the_closed_form(shift):
    closed = 750 * shift * (1 - abs(shift)) * PERIOD_S / (2 * L_H)

    assert delivered(shift, 750.0, 700.0, L_H, PERIOD_S, 0.0) == pytest.approx(closed, rel=1e-6)


@pytest.mark.parametrize("v2", [120.0, 500.0, 700.0, 750.0, 800.0, 1000.0])
@pytest.mark.parametrize("current", [-30.0, -2.0, 1.0, 15.0, 40.0])
def test_the_shift_for_a_current_delivers_it(v2, current):
    shift = shift_for(current, 750.0, v2, L_H, PERIOD_S, DEAD_S)

    # A level stretch is left at one of its ends by jumping over less than a step of the bisection.
    below, above = (delivered(shift + step, 750.0, v2, L_H, PERIOD_S, DEAD_S) for step in (-2e-5, 2e-5))
    assert below - 0.1 <= current <= above + 0.1


def test_a_steady_half_period_ends_with_the_opposite_current():
    start = -47.1
    for _ in range(4):
        end, _ = half_period(start, 0.1507, 750.0, 750.0, L_H, PERIOD_S, DEAD_S)
        start = 0.5 * (start - end)

    assert half_period(start, 0.1507, 750.0, 750.0, L_H, PERIOD_S, DEAD_S)[0] == pytest.approx(-start, abs=0.01)


def bridged(volts, shift):
    """A bridge with real diodes between stiff voltages, on the circuit engine; its mean output current."""
    legs = [("p", "a"), ("p", "b"), ("o", "s1"), ("o", "s2")]
    parts = []
    for top, mid in legs:
        for plus, minus, name in ((top, mid, f"H{mid}"), (mid, "0", f"L{mid}")):
            parts.append(Switch(name=name, plus=plus, minus=minus, on_ohm=1e-4))
            parts.append(Diode(name=f"D{name}", plus=minus, minus=plus, on_ohm=1e-4))
    circuit = Circuit(
        name="bridge",
        elements=(
            VoltageSource(name="V1", plus="p", minus="0", dc_v=750.0),
            VoltageSource(name="V2", plus="o2", minus="0", dc_v=volts),
            Resistor(name="R2", plus="o2", minus="o", r_ohm=1e-4),
            *parts,
            Inductor(name="L", plus="a", minus="x", l_h=L_H),
            Resistor(name="R", plus="x", minus="y", r_ohm=20e-3),
            Transformer(name="T", plus="y", minus="b", second_plus="s1", second_minus="s2", turns_ratio=1.0),
            Resistor(name="G", plus="s1", minus="0", r_ohm=1e6),
        ),
    )
    gates = (
        Pwm(high=("Ha", "Lb"), low=("La", "Hb"), carrier_hz=20e3, dead_us=1.5),
        Pwm(high=("Hs1", "Ls2"), low=("Ls1", "Hs2"), carrier_hz=20e3, dead_us=1.5, start_shift=0.5 * shift),
    )
    sim = Simulation(circuit, gates=gates, meters=(Meter(name="out", of="i(R2)"),), window_us=(18_000, 20_000))
    sim.run(20_000)
    return -sim.trace.mean("out")


@pytest.mark.parametrize("volts, shift", [(600.0, 0.02), (740.0, 0.1), (900.0, 0.1), (400.0, -0.03)])
def test_the_map_is_what_a_circuit_with_diodes_does(volts, shift):
    assert bridged(volts, shift) == pytest.approx(delivered(shift, 750.0, volts, L_H, PERIOD_S, DEAD_S), abs=0.35)
