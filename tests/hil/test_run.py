import numpy as np
import pytest

from hil.errors import BadInput
from hil.links import python_can_logs
from hil.report.folder import read_signals
from hil.results import write_signals
from hil.run import exit_code, run_command, simulate
from hil.scenario import Record
from hil.scenario_files import load
from hil.verdict import judge


def test_a_log_format_that_cannot_be_written_is_refused_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(python_can_logs, "has_mf4", lambda: False)

    with pytest.raises(BadInput, match="asammdf"):
        run_command("charge", seed=None, out=tmp_path / "out", changes=[], formats=["mf4"], chart=False, as_json=True)

    assert not (tmp_path / "out").exists()


def test_attempts_that_nobody_acknowledged_are_counted_apart_from_frames():
    outcome = simulate(load("insulation_fault"))

    assert outcome.error_frames > 100  # the vehicle is still asleep when the first CHM goes out
    assert outcome.frames < 100


def test_a_run_that_stops_in_the_middle_is_unfinished_and_not_safe():
    scenario = load("charge", ["duration_s=20"])
    outcome = simulate(scenario)

    failed = {verdict.what: verdict.got for verdict in judge(scenario.expect, outcome) if not verdict.held}

    assert outcome.ended == "unfinished" and not outcome.safe
    assert "CLOSED" in failed["ends in a safe state"] and "LOCKED" in failed["ends in a safe state"]
    assert exit_code(judge(scenario.expect, outcome)) == 1


def test_what_is_recorded_is_chosen_and_thinned_to_the_last_change_of_each_stretch(tmp_path):
    trace = simulate(load("short_charge")).trace
    write_signals(tmp_path / "all.npz", trace, Record())
    write_signals(tmp_path / "some.npz", trace, Record(signals=["output current"], every_s=0.5))

    whole, some = read_signals(tmp_path / "all.npz"), read_signals(tmp_path / "some.npz")

    assert set(some) == {"output current"} and set(whole) == set(trace.signals)
    full, thin = whole["output current"], some["output current"]
    stretches = np.asarray(thin.times_us) // 500_000
    assert len(set(stretches)) == len(thin.times_us) < len(full.times_us) / 5
    for stretch in range(0, max(full.times_us), 500_000):  # at the end of each stretch both say the same
        ends = [np.searchsorted(signal.times_us, stretch, side="left") - 1 for signal in (full, thin)]
        assert ends[0] < 0 or full.values[ends[0]] == thin.values[ends[1]]
