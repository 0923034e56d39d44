"""The three circuits against the exact figures that are stored beside ngspice's, and their books."""

import json
from pathlib import Path

import pytest

from firmware_model.power.circuits.anchors import BUCK, DAB, PRECHARGE

DATA = Path(__file__).resolve().parents[5] / "shared" / "data" / "spice"
stored = pytest.mark.skipif(not DATA.is_dir(), reason="the stored figures (../shared/data/spice) are not here")
AVERAGE, CREST = 1e-4, 5e-3


def exact(number):
    return json.loads((DATA / f"{number}_summary.json").read_text())["exact_reference"]


@stored
def test_the_buck_converter_has_the_exact_averages_and_ripples():
    last, facts = BUCK.run().trace.within(59.5e-3, 60e-3), exact("01")

    assert last.mean("v") == pytest.approx(facts["vavg"], rel=AVERAGE)
    assert last.mean("i") == pytest.approx(facts["iavg"], rel=AVERAGE)
    assert last.mean("ii") ** 0.5 == pytest.approx(facts["irms"], rel=AVERAGE)
    assert last.peak_to_peak("v(o2)") == pytest.approx(facts["vrip"], rel=CREST)
    assert last.peak_to_peak("i(L1)") == pytest.approx(facts["irip"], rel=CREST)


@stored
def test_the_bridge_has_the_exact_power_and_current():
    last, facts = DAB.run().trace.within(9e-3, 10e-3), exact("02")

    assert last.mean("v") == pytest.approx(facts["vavg"], rel=AVERAGE)
    assert -last.mean("drawn") == pytest.approx(facts["pin_avg"], rel=AVERAGE)
    assert last.mean("delivered") == pytest.approx(facts["pout_avg"], rel=AVERAGE)
    assert last.highest("i(LS)")[0] == pytest.approx(facts["ipk"], rel=CREST)
    assert last.peak_to_peak("v(o)") == pytest.approx(facts["vrip"], rel=CREST)


@stored
def test_pre_charge_bypass_and_load_step_come_at_the_exact_instants():
    trace, facts = PRECHARGE.run().trace, exact("03")
    bypass, step, release = trace.within(0.6, 0.65), trace.within(0.7, 0.75), trace.within(0.75, 0.8)

    found = {
        "by": bypass.highest("i(LS)"), "dip": step.lowest("v(b)"), "load": step.highest("i(LS)"), "over": release.highest("v(b)"),
    }  # fmt: skip

    assert [value for value, _ in found.values()] == pytest.approx(
        [facts["iby_pk"], facts["v_dip"], facts["i_ld_pk"], facts["v_ovs"]], rel=CREST
    )
    # Found by hand with scipy's matrix exponential (benchmarks/circuits.py).
    instants = [found["by"][1] - 0.6, found["dip"][1] - 0.7, found["load"][1] - 0.7, found["over"][1] - 0.75]
    assert instants == pytest.approx([640.9769e-6, 713.2464e-6, 1390.762e-6, 718.6412e-6], abs=100e-9)


@pytest.mark.parametrize("anchor", [BUCK, DAB, PRECHARGE], ids=lambda anchor: anchor.circuit.name)
def test_the_books_close(anchor):
    balance = anchor.run().balance

    assert abs(balance.residual_j) < 1e-9 * balance.supplied_j


def test_the_bridge_current_passes_zero_where_its_equations_say():
    assert DAB.run().trace.crossing("i(LS)") == pytest.approx(1.881103e-6, abs=1e-10)
