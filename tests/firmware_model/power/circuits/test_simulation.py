from math import exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.elements import (
    Capacitor,
    CoupledInductors,
    CurrentSource,
    Diode,
    Inductor,
    Resistor,
    Switch,
    Transformer,
    VoltageSource,
)
from firmware_model.power.circuits.gates import Pwm, Schedule
from firmware_model.power.circuits.simulation import Comparator, Meter, Simulation
from firmware_model.power.circuits.state_space import Layout, state_space
from firmware_model.power.stage import Diverged


def circuit(*elements):
    return Circuit(name="test", elements=elements)


def source(volts, **more):
    return VoltageSource(name="V", plus="in", minus="0", dc_v=volts, **more)


def buck(**diode):
    low = Diode(name="D", plus="0", minus="sw", **diode) if diode else Switch(name="SL", plus="sw", minus="0")
    return circuit(
        source(750.0),
        Switch(name="SH", plus="in", minus="sw"),
        low,
        Inductor(name="L", plus="sw", minus="out", l_h=500e-6),
        Capacitor(name="C", plus="out", minus="0", c_f=220e-6, initial_v=375.0),
        Resistor(name="R", plus="out", minus="0", r_ohm=12.0),
    )


def test_a_capacitor_charges_through_a_resistor_as_the_closed_form_says():
    sim = Simulation(
        circuit(
            source(537.4),
            Resistor(name="R", plus="in", minus="c", r_ohm=100.0),
            Capacitor(name="C", plus="c", minus="0", c_f=1e-3),
        )
    )
    sim.run(100_000)

    assert sim.state()["v(C)"] == pytest.approx(537.4 * (1 - exp(-1)), rel=1e-12)
    assert sim.balance.dissipated_j == pytest.approx(0.5e-3 * 537.4**2 * (1 - exp(-2)), rel=1e-10)


def test_a_run_of_two_configurations_is_what_scipy_finds():
    sim = Simulation(buck(), gates=[Pwm(high=("SH",), low=("SL",), carrier_hz=20e3, duty=0.3)])
    sim.run(1_000)

    layout = Layout(circuit=sim.circuit)
    z = layout.initial()
    on, off = (expm(state_space(layout, word).a * share * 50e-6) for word, share in ((1, 0.3), (2, 0.7)))
    for _ in range(20):
        z = off @ on @ z

    assert sim.state()["i(L)"] == pytest.approx(z[0], rel=1e-10)
    assert sim.state()["v(C)"] == pytest.approx(z[1], rel=1e-10)


def test_ripple_of_a_buck_is_the_closed_form():
    sim = Simulation(buck(), gates=[Pwm(high=("SH",), low=("SL",), carrier_hz=20e3)])
    sim.run(60_000)
    last = sim.trace.within(59.5e-3, 60e-3)

    assert last.peak_to_peak("i(L)") == pytest.approx(750 * 0.25 / (500e-6 * 20e3), rel=1e-3)
    assert last.peak_to_peak("v(out)") == pytest.approx(18.75 / (8 * 20e3 * 220e-6), rel=5e-3)


def test_a_diode_lets_the_current_stop_at_zero_in_discontinuous_conduction():
    sim = Simulation(buck(forward_v=0.7, on_ohm=1e-3, off_ohm=1e6), gates=[Pwm(high=("SH",), carrier_hz=20e3, duty=0.02)])
    sim.run(50)
    stops = sim.trace

    rise_a = (750 - 375) / 500e-6 * 1e-6
    stop_s = 1e-6 + rise_a * 500e-6 / 375.7
    conducting = [bool(word >> 1 & 1) for word in stops.configuration]
    times = stops.time_s[conducting]
    assert times[0] == pytest.approx(1e-6, abs=1e-9)
    assert times[-1] == pytest.approx(stop_s, abs=2e-9)
    assert stops.lowest("i(L)")[0] > -1e-3


def rectified(longest_us):
    legs = [("a", "p", "1"), ("b", "p", "2"), ("n", "a", "3"), ("n", "b", "4")]
    sim = Simulation(
        circuit(
            VoltageSource(name="V", plus="s", minus="b", peak_v=325.0),
            Resistor(name="Rs", plus="s", minus="r", r_ohm=0.5),
            Inductor(name="L", plus="r", minus="a", l_h=1e-3),
            *(Diode(name=f"D{name}", plus=plus, minus=minus, on_ohm=1e-3) for plus, minus, name in legs),
            Capacitor(name="C", plus="p", minus="n", c_f=1e-3),
            Resistor(name="R", plus="p", minus="n", r_ohm=1e2),
            Resistor(name="E", plus="n", minus="0", r_ohm=1e6),
        ),
        longest_us=longest_us,
        window_us=(0, 1),
    )
    sim.run(100_000)
    return sim


def test_diodes_change_at_the_same_instants_whatever_the_longest_step():
    fine, coarse = rectified(0.1), rectified(32.0)

    assert coarse.state()["v(C)"] == pytest.approx(fine.state()["v(C)"], rel=1e-7)
    assert 300 < fine.state()["v(C)"] < 400
    for sim in (fine, coarse):
        assert sim.balance.residual_j == pytest.approx(0.0, abs=1e-8 * sim.balance.supplied_j)


def test_a_transformer_turns_volts_and_amperes():
    sim = Simulation(
        circuit(
            source(100.0),
            Resistor(name="R1", plus="in", minus="p", r_ohm=1.0),
            Transformer(name="T", plus="p", minus="0", second_plus="s", second_minus="0", turns_ratio=2.0),
            Resistor(name="R2", plus="s", minus="0", r_ohm=4.0),
        )
    )
    sim.run(1)

    assert sim.trace.wave("i(R1)")[-1] == pytest.approx(100 / 17)
    assert sim.trace.wave("v(s)")[-1] == pytest.approx(0.5 * 100 * 16 / 17)


def test_coupled_inductors_with_the_second_shorted_show_the_leakage():
    sim = Simulation(
        circuit(
            source(10.0),
            Resistor(name="R1", plus="in", minus="p", r_ohm=1e-6),
            CoupledInductors(
                name="T", plus="p", minus="0", second_plus="s", second_minus="0", first_h=1e-3, second_h=4e-3, coupling=0.9
            ),
            Resistor(name="R2", plus="s", minus="0", r_ohm=1e-6),
        )
    )
    sim.run(100)

    assert sim.state()["i(T)"] == pytest.approx(10 * 100e-6 / (1e-3 * (1 - 0.81)), rel=1e-5)
    assert sim.state()["i(T.2)"] == pytest.approx(-0.9 * 0.5 * sim.state()["i(T)"], rel=1e-5)


def test_a_sine_source_drives_a_choke_as_phasors_say():
    sim = Simulation(
        circuit(
            source(0.0, peak_v=310.0, frequency_hz=50.0, phase_deg=30.0),
            Resistor(name="R", plus="in", minus="l", r_ohm=1.0),
            Inductor(name="L", plus="l", minus="0", l_h=10e-3),
        ),
        meters=[Meter(name="power", of="u(V)", by="i(V)"), Meter(name="square", of="i(L)", by="i(L)")],
        window_us=(200_000, 220_000),
    )
    sim.run(220_000)
    period = sim.trace

    size = 310 / sqrt(1 + pi**2)
    assert period.highest("i(L)")[0] == pytest.approx(size, rel=1e-8)
    assert sqrt(period.mean("square")) == pytest.approx(size / sqrt(2), rel=1e-8)
    assert -period.mean("power") == pytest.approx(0.5 * size**2, rel=1e-8)


def test_a_comparator_opens_within_a_nanosecond_and_rearms_with_the_next_edge():
    peak = Comparator(name="peak", of="i(L)", above=10.0, opens=("SH",))
    sim = Simulation(
        buck(forward_v=0.1, on_ohm=1e-3), gates=[Pwm(high=("SH",), carrier_hz=20e3, duty=0.5)], comparators=[peak], longest_us=8.0
    )
    sim.run(200)

    assert sim.tripped_us("peak") == pytest.approx(10 * 500e-6 / 375 * 1e6, abs=0.05)
    assert sim.trace.highest("i(L)")[0] == pytest.approx(10.0, abs=1e-4)
    rises = np.diff((sim.trace.configuration & 1).astype(int)) > 0
    assert rises.sum() == 3


def test_a_latching_comparator_stays():
    peak = Comparator(name="peak", of="i(L)", above=10.0, opens=("SH",), latching=True)
    sim = Simulation(buck(forward_v=0.1), gates=[Pwm(high=("SH",), carrier_hz=20e3)], comparators=[peak])
    sim.run(1_000)

    assert sim.trace.within(20e-6, 1e-3).configuration.max() & 1 == 0
    assert sim.trace.wave("i(L)")[-1] == pytest.approx(0.0, abs=1e-3)


def test_an_overflow_names_time_state_and_configuration_and_keeps_the_trace():
    sim = Simulation(
        circuit(
            CurrentSource(name="I", plus="0", minus="c", dc_a=1e6),
            Capacitor(name="C", plus="c", minus="0", c_f=1e-12),
            Switch(name="S", plus="c", minus="0", on_ohm=1.0, off_ohm=1e15),
        ),
        gates=[Schedule(switch="S", times_s=(0.0, 2e-6))],
    )
    with pytest.raises(Diverged, match=r"circuit test at 2\.\d* us: overflow; v\(C\) = [5-9]\.\d*e\+11; conducting: none"):
        sim.run(10)

    assert sim.trace.wave("v(c)")[-1] > 1e11
    assert np.isfinite(sim.trace.z).all()


values = st.floats(-2, 2).map(lambda decades: 10.0**decades)


@settings(max_examples=25, deadline=None)
@given(
    ohms=st.lists(values, min_size=4, max_size=4),
    henries=values,
    farads=values,
    volts=st.floats(-800, 800),
    duty=st.floats(0.05, 0.95),
    dead_us=st.floats(0, 2),
)
def test_energy_is_kept_in_any_switched_rlc_circuit_with_diodes(ohms, henries, farads, volts, duty, dead_us):
    sim = Simulation(
        circuit(
            source(volts, peak_v=100.0, frequency_hz=5e3),
            Resistor(name="R1", plus="in", minus="a", r_ohm=ohms[0]),
            Switch(name="S1", plus="a", minus="b"),
            Switch(name="S2", plus="b", minus="0"),
            Diode(name="D1", plus="b", minus="a", forward_v=0.7),
            Diode(name="D2", plus="0", minus="b", forward_v=0.7),
            Inductor(name="L", plus="b", minus="c", l_h=1e-4 * henries, initial_a=3.0),
            Resistor(name="R2", plus="c", minus="d", r_ohm=0.1 * ohms[1]),
            Capacitor(name="C", plus="d", minus="e", c_f=1e-5 * farads, initial_v=40.0),
            Resistor(name="R3", plus="e", minus="0", r_ohm=0.1 * ohms[2]),
            Resistor(name="R4", plus="d", minus="0", r_ohm=10 * ohms[3]),
        ),
        gates=[Pwm(high=("S1",), low=("S2",), carrier_hz=20e3, duty=duty, dead_us=dead_us)],
        window_us=(0, 1),
    )
    sim.run(500)
    balance = sim.balance

    turned_over = abs(balance.supplied_j) + balance.dissipated_j + balance.stored_j + balance.initial_j
    assert balance.dissipated_j >= 0
    assert abs(balance.residual_j) <= 1e-8 * turned_over


def test_a_held_source_takes_a_new_value_between_runs():
    sim = Simulation(
        circuit(
            source(10.0, held=True),
            Resistor(name="R", plus="in", minus="c", r_ohm=1.0),
            Capacitor(name="C", plus="c", minus="0", c_f=1e-6),
        )
    )
    sim.run(50)
    sim.hold("V", 20.0)
    sim.run(51)

    assert sim.state()["v(C)"] == pytest.approx(20 - 10 * exp(-1), rel=1e-9)
    with pytest.raises(ValueError, match=r"V\.held = True: allowed without a sine"):
        source(10.0, held=True, peak_v=1.0)
