"""A vehicle that measures its pack through the chips: what it knows, and what it does when they fail."""

import pytest

from firmware_model.afe.sensing import ChainSensing
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS
from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault
from firmware_model.happenings import Moment, Step
from protocols.gbt27930.bms_rules import BmsStopCause

S = 1_000_000
SCRIPT = (Step("plug in", Moment()), Step("start", Moment(S)), Step("vehicle stop", Moment(15 * S, "CHARGING")))


def charge(*faults):
    bench = Bench(
        PileSetup(level="quasi_static"), VehicleSetup(pack=PACKS["mini"], afe=True), seed=1, script=SCRIPT, faults=faults
    )
    bench.run(60 * S)
    return bench


@pytest.mark.parametrize("name", ["mini", "eu500", "bus"])
def test_it_knows_every_cell_and_sensor_within_the_errors_of_its_chips(name):
    pack = Pack(PACKS[name], soc_pct=50.0, temp_degc=30.0)
    pack.spoil(7, resistance=3.0)
    pack.advance(S, 60.0)
    sensing = ChainSensing(pack, seed=1)

    for cycle in range(9):
        sensing.measure(2 * S + cycle * S)

    assert sensing.cell_voltages_v() == pytest.approx(pack.cell_voltages_v(), abs=1.6e-3)
    assert sensing.temps_degc() == pytest.approx(pack.temps_degc(), abs=0.5)
    assert sensing.cell_max_number == 7 and sensing.cell_mean_v == pytest.approx(pack.cell_mean_v, abs=1e-3)
    assert sensing.trusted


def test_a_charge_ends_as_asked_and_its_report_has_the_chips_errors():
    bench = charge()

    assert bench.vehicle.session.cause is BmsStopCause.OTHER and bench.at_rest
    assert not bench.vehicle.monitor.chain.findings
    assert bench.vehicle.monitor.reading.cell_max_v != bench.vehicle.pack.cell_max_v


@pytest.mark.parametrize(
    ("where", "kind", "args", "cause"),
    [
        ("afe/chain", "breaks", {"chips": 1}, BmsStopCause.OTHER),
        ("afe/chip1", "reference shifted", {}, BmsStopCause.OTHER),
        ("afe/chip3", "garbled", {}, BmsStopCause.OTHER),
        # The pin drifts by 1 V/s (10 nA into 10 nF): the cell above seems full before the chain is examined again.
        ("afe/chip2", "open wire", {"pin": 4}, BmsStopCause.CELL_VOLTAGE_REACHED),
    ],
)
def test_the_vehicle_stops_when_it_cannot_trust_its_chips(where, kind, args, cause):
    bench = charge(Fault(S, None, where, kind, args, after="CHARGING"))

    assert bench.vehicle.session.cause is cause and bench.at_rest
    assert bench.vehicle.monitor.trusted == (cause is BmsStopCause.CELL_VOLTAGE_REACHED)


def test_one_broken_thermistor_is_left_out():
    bench = charge(Fault(0, None, "afe/sensor2", "open", {}))

    assert bench.vehicle.monitor.trusted
    assert bench.vehicle.monitor.reading.temp_min_degc == pytest.approx(25.0, abs=1.5)


def test_a_chip_that_does_not_answer_three_times_is_not_trusted_before_the_next_examination():
    sensing = ChainSensing(Pack(PACKS["mini"], soc_pct=50.0), seed=1)
    sensing.measure(S)
    sensing.chain.broken_after = 2
    trusted = []
    for cycle in range(3):
        sensing.measure(S + (cycle + 1) * 250_000)
        trusted.append(sensing.trusted)

    assert trusted == [True, True, False] and not sensing.findings
    sensing.chain.broken_after = None
    sensing.measure(3 * S)
    assert sensing.trusted
