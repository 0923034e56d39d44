"""The referee finds each planted bug, names its clause, and finds nothing in the same scenario without it."""

import importlib.util
from functools import cache
from pathlib import Path

import pytest

from hil.build import build
from hil.events import events_of
from hil.links.recording import Recording
from hil.referee.evidence import lost_in
from hil.referee.referee import judge
from hil.referee.truth import truth_of
from hil.scenario_files import load
from hil.story.story import CHARGER

_spec = importlib.util.spec_from_file_location("mutants", Path(__file__).with_name("mutants.py"))
mutants = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutants)
MUTANTS = mutants.MUTANTS
ONE_IN = 3
"""So many mutants are slow ones for each that every run of the suite meets."""


def broken_rules(scenario_name, changes=(), plant=lambda bench: None):
    """The pile's rules that the referee finds broken, with clause and evidence."""
    scenario = load(scenario_name, ["pile.level=quasi_static", *changes])
    bench = build(scenario, scenario.seed)
    plant(bench)
    bench.run(round(scenario.duration_s * 1e6))
    recording, truth = Recording.of_frames(bench.trace.log()), truth_of(bench.trace.signals, end_us=bench.clock.now)
    judgement = judge(recording, truth, losses=lost_in(events_of(bench.trace)))
    return {ruling.rule: ruling for ruling in judgement.broken(CHARGER)}


@cache
def healthy(scenario_name, changes=()):
    return frozenset(broken_rules(scenario_name, changes))


def some():
    for index, mutant in enumerate(MUTANTS):
        yield pytest.param(index, id=mutant.what, marks=() if index % ONE_IN == 0 else pytest.mark.slow)


@pytest.mark.parametrize("index", list(some()))
def test_the_referee_names_the_rule_that_a_mutant_breaks(index):
    mutant = MUTANTS[index]

    found = broken_rules(mutant.scenario, mutant.changes, mutant.plant)

    assert mutant.rule in found, (mutant.what, sorted(found))
    assert found[mutant.rule].clause and found[mutant.rule].evidence
    assert mutant.rule not in healthy(mutant.scenario)


def test_there_are_twenty_five_of_them_and_all_differ():
    assert len(MUTANTS) >= 25 and len({mutant.what for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.rule for mutant in MUTANTS}) >= 20
