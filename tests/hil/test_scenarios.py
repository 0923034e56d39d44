"""Every shipped scenario ends as its name says, and its bytes depend on nothing but scenario and seed."""

import pytest

from hil.build import build
from hil.logfiles import candump_digest
from hil.run import simulate
from hil.scenario_files import load, shipped
from hil.verdict import judge

SHORT = {"charge": ["vehicle.soc_target_pct=22", "expect.energy_wh=[900, 1300]"]}
"""The long ones are cut for the suite; the whole charge is run by `make run` and by the slow test."""


WHOLE = [name for name in shipped() if name.partition("_")[0] not in ("timer", "reaction", "double", "divergence")]
"""The first ones, on the finer power stage."""
OF_EACH = [*WHOLE, *(sorted(set(shipped()) - set(WHOLE))[::5])]
"""Those and a fifth of the many short ones; `-m slow` and benchmarks/scenarios.py run them all."""


def short(name: str, *more: str):
    return load(name, [*SHORT.get(name, []), *more])


def digest(name: str, seed: int, *more: str) -> str:
    scenario = short(name, *more)
    bench = build(scenario, seed)
    bench.run(round(scenario.duration_s * 1e6))
    return candump_digest(bench.trace.log())


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in OF_EACH else pytest.mark.slow) for name in shipped()])
def test_it_ends_as_expected(name):
    scenario = short(name)

    verdicts = judge(scenario.expect, simulate(scenario))

    assert [verdict for verdict in verdicts if not verdict.held] == []
    assert len(verdicts) >= 3


@pytest.mark.parametrize("name", WHOLE)
def test_same_seed_same_bytes_other_seed_other_bytes_and_skipping_idle_activations_changes_none(name):
    first = digest(name, 1)

    assert digest(name, 1) == first
    assert digest(name, 2) != first
    assert digest(name, 1, "pile.tickless=false") == first


def test_every_timer_reaction_and_divergence_has_its_scenario():
    names = set(shipped())

    kinds = {
        kind: sorted(name for name in names if name.startswith(kind)) for kind in ("timer", "reaction", "double", "divergence")
    }
    assert len(names) >= 60 and len(kinds["timer"]) >= 24 and len(kinds["reaction"]) >= 10 and len(kinds["double"]) >= 8
    rows = {name.split("_")[1] for name in kinds["divergence"]}
    assert rows == {*(f"{row:02}" for row in range(1, 33)), "24a", "24b", "28a"}
    assert all(load(name).expect.clause for name in names)


@pytest.mark.slow
def test_the_whole_default_charge():
    scenario = load("charge", ["expect.energy_wh=[28000, 34000]"])

    verdicts = judge(scenario.expect, simulate(scenario))

    assert all(verdict.held for verdict in verdicts), verdicts


def test_an_expectation_that_does_not_hold_is_reported_with_its_clause():
    scenario = load("charger_stop", ["expect.reconnects=2"])

    failed = [verdict for verdict in judge(scenario.expect, simulate(scenario)) if not verdict.held]

    assert [verdict.what for verdict in failed] == ["reconnections: 2"]
    assert failed[0].got == "0"
    assert "GB/T 27930" in failed[0].clause


def test_running_in_slices_changes_no_byte():
    scenario = load("charger_stop")
    bench = build(scenario, 1)

    now = 0
    while not bench.run(now := now + 777_777):
        pass

    assert candump_digest(bench.trace.log()) == digest("charger_stop", 1)
