"""Noise of the stage: there while it switches, as strong as its profile says."""

import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault
from firmware_model.happenings import Moment, Step
from firmware_model.isolation.emi import SwitchingNoise
from firmware_model.isolation.noise import PROFILES, Edges
from firmware_model.isolation.parts import CAN_TRANSCEIVERS
from protocols.gbt27930.bms_rules import BmsStopCause

S = 1_000_000
WORST = PROFILES["bad shield"]


def test_the_rate_is_the_profiles_times_the_factor_while_it_switches():
    switching = True
    noise = SwitchingNoise(lambda: switching, WORST, factor=10.0)

    assert noise(0) == pytest.approx(1e-3, rel=1e-6)
    switching = False
    assert noise(1) == 0.0


def test_steep_edges_get_through_a_weak_barrier_and_hardly_through_a_strong_one():
    steep = Edges(slope_v_per_us=40e3)
    weak, strong = (
        SwitchingNoise(lambda: True, PROFILES["clean"], part=CAN_TRANSCEIVERS[name], edges=steep)
        for name in ("ISO1050", "ISO1042")
    )

    assert weak(0) > 0.4 and weak(0) > 5 * strong(0)


def test_a_senseless_factor_is_refused():
    with pytest.raises(ValueError, match="factor = -1"):
        SwitchingNoise(lambda: True, WORST, factor=-1.0)


def charged(factor):
    script = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(30 * S, "CHARGING")))
    fault = Fault(0, None, "isolation/can_wires", "stage noise", {"factor": factor})
    bench = Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=4, script=script, faults=[fault])
    errors = []
    bench.bus.tap_errors(lambda now, _: errors.append((now, bench.pile.circuit.setpoint.enabled)))
    bench.run(120 * S)
    return bench, errors


def test_the_worst_profile_makes_errors_only_while_the_stage_is_enabled_and_disturbs_no_charge():
    bench, errors = charged(1.0)
    sleeping = [at for at, enabled in errors if not enabled and at > 5 * S and bench.trace.frame_times_us[0] < at]

    assert sum(enabled for _, enabled in errors) > 20 and len(sleeping) < 20
    assert bench.at_rest and not bench.charger.faults and bench.vehicle.session.cause is BmsStopCause.BY_CHARGER


def test_a_hundred_times_that_ends_it_safely():
    bench, _ = charged(100.0)

    assert bench.charger.faults and not bench.pile.circuit.k1.closed(bench.clock.now)
    assert abs(bench.pile.circuit.current_a) < 5.0 and bench.pile.circuit.interface_v < 60.0
