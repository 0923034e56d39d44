import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.happenings import Moment, Step
from firmware_model.power.averaged_layout import X
from firmware_model.power.stage import Trip
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000


def test_a_trip_inside_the_stage_ends_the_charge_safely():
    bench = Bench(PileSetup(), VehicleSetup(), seed=1, script=[Step("plug in", Moment()), Step("start", Moment(S))])
    bench.run(40 * S)
    assert bench.charger.session.state is ChargerState.CHARGING

    bench.pile.circuit.stage._x[X.VDC] = 900.0
    bench.run(50 * S)

    assert bench.pile.circuit.stage.trip is Trip.LINK_OVER_VOLTAGE
    assert bench.charger.session.state is ChargerState.END
    assert not bench.pile.circuit.k1.closed(bench.clock.now)


def test_an_unknown_level_is_refused_by_name():
    with pytest.raises(ValueError, match=r"PileSetup\.level = 'spice'"):
        PileSetup(level="spice")
