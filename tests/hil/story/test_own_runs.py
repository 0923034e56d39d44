"""The story of a run, told from its frames alone, agrees with what the model says of itself."""

from functools import cache
from pathlib import Path

import pytest

from hil.links.recording import Gathered
from hil.run import simulate
from hil.scenario_files import load, shipped
from hil.story.story import CHARGER, Outcome, Severity
from hil.story.telling import tell

OTHERS = ("timer", "reaction", "double", "divergence", "short", "reserved")
HEALTHY = [name for name in shipped() if name.partition("_")[0] not in OTHERS]
"""Scenarios in which the pile keeps every rule, and that last long enough for readings every 100 ms to sum up to the energy."""
SHORT = {"charge": ["vehicle.soc_target_pct=21"]}


@cache
def run(name):
    """What the model says, and what its frames tell."""
    outcome = simulate(load(name, SHORT.get(name, [])))
    gathered = Gathered()
    for time_us, frame in outcome.trace.log():
        gathered.add(time_us, frame.can_id, frame.data, frame.extended)
    return outcome, tell(gathered.recording(Path(name), "a run", ""))


@pytest.mark.parametrize("name", HEALTHY)
def test_attempts_energy_and_edition_are_those_of_the_run(name):
    outcome, story = run(name)

    (session,) = story.sessions
    assert session.attempts == (outcome.reconnects + 1 if any(phase.name == "IDENT_00" for phase in outcome.phases) else 0)
    assert session.edition == ("2011" if name == "vehicle_2011" else "2015")
    assert (session.energy_wh or 0) == pytest.approx(outcome.energy_wh, rel=0.03, abs=1)
    assert session.ending.outcome is {
        "stopped by the vehicle": Outcome.VEHICLE_STOP,
        "manual stop": Outcome.CHARGER_STOP,
        "emergency stop": Outcome.CHARGER_STOP,
    }.get(outcome.stop_reason, session.ending.outcome)


@pytest.mark.parametrize("name", HEALTHY)
def test_the_reference_charger_breaks_nothing(name):
    _, story = run(name)

    (session,) = story.sessions
    assert [f.what for f in (*story.findings, *session.findings) if f.severity is Severity.BREACH and f.who == CHARGER] == []
