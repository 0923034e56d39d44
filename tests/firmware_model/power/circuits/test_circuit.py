from math import nan

import numpy as np
import pytest

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
from firmware_model.power.circuits.gates import Pwm, Schedule, SinePwm, words
from firmware_model.power.circuits.simulation import Comparator, Simulation


def part(kind, name, plus, minus="0", **values):
    return kind(name=name, plus=plus, minus=minus, **values)


SOURCE, LOAD = part(VoltageSource, "V", "a", dc_v=10.0), part(Resistor, "R", "a", r_ohm=1.0)


def refused(*elements):
    with pytest.raises(ValueError) as caught:
        Circuit(name="bad", elements=elements)
    return str(caught.value)


def test_a_floating_node_is_refused_by_name():
    assert refused(SOURCE, LOAD, part(Resistor, "X", "s", "t", r_ohm=1.0)) == (
        "circuit bad: floating, no path to ground: node s, t"
    )


def test_an_untied_secondary_floats():
    pair = part(Transformer, "T", "a", second_plus="s", second_minus="t", turns_ratio=2.0)

    assert "floating, no path to ground: node s, t" in refused(SOURCE, pair, part(Resistor, "X", "s", "t", r_ohm=1.0))


def test_a_capacitor_loop_is_refused_by_name():
    two = part(Capacitor, "C1", "b", c_f=1e-6), part(Capacitor, "C2", "b", c_f=1e-6)

    assert refused(SOURCE, part(Resistor, "R", "a", "b", r_ohm=1.0), *two) == "circuit bad: capacitor loop: C1, C2"


def test_a_loop_of_ideal_sources_is_refused_by_name():
    assert refused(SOURCE, LOAD, part(VoltageSource, "W", "a", dc_v=9.0)) == "circuit bad: loop of ideal sources: V, W"


def test_a_capacitor_across_a_source_is_refused_by_name():
    assert "loop of capacitors and ideal sources: V, C" in refused(SOURCE, LOAD, part(Capacitor, "C", "a", c_f=1e-6))


def test_an_inductor_cut_set_is_refused_by_name():
    chokes = part(Inductor, "L1", "a", "m", l_h=1e-3), part(Inductor, "L2", "m", l_h=1e-3)

    assert refused(SOURCE, *chokes) == "circuit bad: inductor cut-set: only L1, L2 lead to node m"


def test_a_current_source_without_a_way_back_is_a_cut_set():
    assert "inductor cut-set: only I, L" in refused(
        SOURCE, part(CurrentSource, "I", "a", "m", dc_a=1.0), part(Inductor, "L", "m", l_h=1.0)
    )


def test_two_parts_of_one_name_and_a_part_on_one_node_are_refused():
    assert refused(SOURCE, SOURCE) == "circuit bad: 2 parts are called V"
    assert refused(SOURCE, part(Resistor, "R", "a", "a", r_ohm=1.0)) == "circuit bad: both ends of R are on node a"


def test_what_only_the_equations_show_is_refused_with_the_names_of_what_is_undecided():
    pair = part(Transformer, "T", "a", second_plus="a", second_minus="0", turns_ratio=1.0)
    whole = Circuit(name="odd", elements=(LOAD, pair))

    with pytest.raises(ValueError, match=r"circuit odd: nothing decides i\(T\)"):
        Simulation(whole).run(1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: part(Resistor, "R", "a", r_ohm=-1.0), r"Resistor R\.r_ohm = -1\.0 ohm: allowed 1e-09 \.\. 1e\+15 ohm"),
        (lambda: part(Inductor, "L", "a", l_h=0.0), r"Inductor L\.l_h = 0\.0 h: allowed 1e-15 \.\. 1e\+06 h"),
        (lambda: part(Capacitor, "C", "a", c_f=nan), r"Capacitor C\.c_f = nan f: allowed 1e-18"),
        (lambda: part(VoltageSource, "V", "a", dc_v=nan), r"VoltageSource V\.dc_v = nan v"),
        (lambda: part(Diode, "D", "a", forward_v=-0.7), r"Diode D\.forward_v = -0\.7 v: allowed 0"),
        (lambda: part(Switch, "S", "a", on_ohm=10.0, off_ohm=1.0), r"S\.on_ohm = 10\.0 ohm: allowed below off_ohm = 1 ohm"),
        (
            lambda: part(CoupledInductors, "T", "a", second_plus="b", second_minus="0", first_h=1, second_h=1, coupling=1.0),
            r"CoupledInductors T\.coupling = 1\.0 coupling: allowed",
        ),
        (
            lambda: Pwm(high=("S",), carrier_hz=20e3, dead_us=25.1),
            r"Pwm\.dead_us = 25\.1 us: allowed 0 \.\. 25 us, half a period",
        ),
        (lambda: Pwm(high=("S",), carrier_hz=20e3, duty=1.5), r"Pwm\.duty = 1\.5 duty: allowed 0 \.\. 1 duty"),
        (lambda: SinePwm(high=("S",), carrier_hz=1e3, reference_hz=400, depth_duty=0.9), r"reference_hz = 400 hz: allowed up to"),
        (lambda: Schedule(switch="S", times_s=(2.0, 1.0)), r"Schedule S\.times_s = \(2\.0, 1\.0\) s: allowed rising"),
        (lambda: Comparator(name="K", of="i(L)", opens=(), above=1.0, below=0.0), r"Comparator K: above = 1\.0, below = 0\.0"),
    ],
)
def test_what_is_not_physical_is_refused_with_field_value_unit_and_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


SWITCHED = Circuit(name="leg", elements=(SOURCE, part(Switch, "H", "a", "m"), part(Switch, "L", "m")))


def test_complementary_gates_leave_the_dead_time_between_them():
    gates = Pwm(high=("H",), low=("L",), carrier_hz=20e3, duty=0.4, start_shift=0.1, dead_us=1.5)
    times, gate = words(SWITCHED, [gates], 60_000_000)

    assert list(zip((times / 1e6).tolist(), gate.tolist(), strict=True)) == [
        (0.0, 2), (5.0, 0), (6.5, 1), (25.0, 0), (26.5, 2), (55.0, 0), (56.5, 1),
    ]  # fmt: skip


def test_a_sine_reference_gives_its_share_as_duty():
    gates = SinePwm(high=("H",), low=("L",), carrier_hz=10e3, reference_hz=50.0, depth_duty=0.8)
    times, gate = words(SWITCHED, [gates], 20_000_000_000)

    at_border = np.searchsorted(times, 10_000_000_000)
    times, gate = np.insert(times, at_border, 10_000_000_000), np.insert(gate, at_border, gate[at_border - 1])
    lengths, duty = np.diff(times), gate[:-1] & 1
    assert (lengths * duty)[:at_border].sum() / 10e9 == pytest.approx(0.5 + 0.4 * 2 / 3.14159, abs=1e-3)
    assert (lengths * duty)[at_border:].sum() / 10e9 == pytest.approx(0.5 - 0.4 * 2 / 3.14159, abs=4e-3)


def test_gates_for_a_switch_that_is_not_there_or_driven_twice_are_refused():
    with pytest.raises(ValueError, match="circuit leg: no switch X: one of H, L"):
        words(SWITCHED, [Pwm(high=("X",), carrier_hz=1e3)], 0)
    with pytest.raises(ValueError, match="circuit leg: 2 patterns drive H"):
        words(SWITCHED, [Pwm(high=("H",), carrier_hz=1e3), Schedule(switch="H", times_s=(0.0,))], 0)


def test_a_pulse_shorter_than_the_dead_time_does_not_happen():
    gates = Pwm(high=("H",), low=("L",), carrier_hz=20e3, duty=0.02, dead_us=1.5)
    _, gate = words(SWITCHED, [gates], 200_000_000)

    assert set(gate.tolist()) == {0, 2}
