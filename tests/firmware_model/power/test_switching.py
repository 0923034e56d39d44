import numpy as np
import pytest

from firmware_model.power.averaged import AveragedStage, Wiring
from firmware_model.power.ref30 import SIC
from firmware_model.power.stage import Load, Setpoint
from firmware_model.power.switching import BRIDGE_COLUMNS, FRONT_COLUMNS, SwitchingStage
from firmware_model.power.switching_circuits import F, bridge_matrices, front_end_matrices


def run(stage, amps, *, until_us=400_000):
    volts = 350.0
    for now in range(1_000, until_us + 1, 1_000):
        done = stage.advance(now, Setpoint(500.0, amps, True), Load(volts, 267e-6, 10.0 + 1e-5, 3_500.0))
        volts = done.voltage_v
    return done


@pytest.mark.parametrize("amps", [80.0, -60.0])
def test_steady_power_is_that_of_the_averaged_level(amps):
    volts = {80.0: 500.0, -60.0: 200.0}[amps]
    ends = []
    for stage in (SwitchingStage(), AveragedStage()):
        terminals = 350.0
        for now in range(1_000, 450_001, 1_000):
            done = stage.advance(now, Setpoint(volts, amps, True), Load(terminals, 267e-6, 10.0 + 1e-5, 3_500.0))
            terminals = done.voltage_v
        ends.append(done)

    ours, theirs = ends
    assert ours.current_a * ours.voltage_v == pytest.approx(theirs.current_a * theirs.voltage_v, rel=5e-3)
    assert ours.power_ac_w == pytest.approx(theirs.power_ac_w, rel=5e-3)


def test_the_recorded_edges_show_carrier_ripple_and_three_levels_of_the_bridge():
    stage = SwitchingStage()
    run(stage, 60.0, until_us=300_000)
    stage.record(4_000)
    volts = 350.0
    for now in (301_000, 302_000):
        volts = stage.advance(now, Setpoint(500.0, 60.0, True), Load(volts, 267e-6, 10.0 + 1e-5, 3_500.0)).voltage_v
    front_rows, bridge_rows = stage.recorded()
    columns = dict(zip(FRONT_COLUMNS, front_rows.T, strict=True))
    bridge = dict(zip(BRIDGE_COLUMNS, bridge_rows.T, strict=True))

    for times_s in (columns["time_s"], bridge["time_s"]):
        assert 1.9e-3 < np.ptp(times_s) <= 2.1e-3 and (np.diff(times_s) > -1e-12).all()
    assert set(bridge["primary"].tolist()) >= {-1.0, 1.0}
    assert 20 < bridge["inductor_a"].max() < 120
    assert abs(columns["link_v"].mean() - 750) < 3
    # 10 kHz over 2 ms: the leg goes up twenty times.
    assert (np.diff(columns["leg_a"]) > 0).sum() in (19, 20, 21)


def test_the_front_end_has_the_resonance_of_its_filter():
    modes = np.abs(np.linalg.eigvals(front_end_matrices(SwitchingStage().module)[1]))
    # L1 against L2 and the grid's inductance, over the filter's capacitor.
    expected = ((1 / 1e-3 + 1 / 0.277e-3) / 10e-6) ** 0.5

    assert modes.max() == pytest.approx(expected, rel=0.01)


def test_without_current_the_bridge_takes_nothing_from_the_link():
    found = bridge_matrices(SwitchingStage().module, ratio=2.0, modules=1)

    assert not found.a[4, :, 0].any()
    assert found.a.shape == (5, 9, 9)
    assert len(F) == 10


def test_other_carriers_are_refused_by_name():
    with pytest.raises(ValueError, match=r"FrontEnd\.carrier_hz = 50000\.0 hz.*allowed 10000 and 20000 hz"):
        SwitchingStage(module=SIC)


def charged(emf_v, *, step_us):
    """Charge (As) of a second into *emf_v*, and the stage."""
    stage, charge_as = SwitchingStage(), 0.0
    load = Load(emf_v, 267e-6, 10.0 + 1e-5, 10.0 * emf_v)
    for now in range(step_us, 1_000_001, step_us):
        done = stage.advance(now, Setpoint(emf_v + 50.0, 20.0, True), load)
        load = load._replace(voltage_v=done.voltage_v)
        charge_as += done.current_a * step_us * 1e-6
    return charge_as, stage


def test_the_wiring_changes_within_a_call_as_it_does_between_two():
    fine, stage = charged(700.0, step_us=1_000)
    coarse, _ = charged(700.0, step_us=100_000)

    assert stage.wiring is Wiring.HIGH and fine > 10
    assert coarse == pytest.approx(fine, rel=2e-3)


def test_the_heat_sink_warms_with_the_losses_and_more_without_a_fan():
    stage, still, cold = SwitchingStage(), SwitchingStage(), AveragedStage()
    still.fan_dead = True
    for one in (stage, still, cold):
        run(one, 80.0, until_us=300_000)

    assert stage.heat_sink_degc == pytest.approx(cold.heat_sink_degc, abs=0.005)
    assert still.heat_sink_degc - 25.0 == pytest.approx(5 * (stage.heat_sink_degc - 25.0), rel=0.01) and stage.interrupts == 6_000
