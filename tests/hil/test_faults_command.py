"""`pilebench faults`: a line for each fault, a filter, JSON, and the coverage of results."""

import json
from pathlib import Path

import pytest

from hil.build import build
from hil.errors import BadInput
from hil.events import events_of
from hil.faults_command import faults_command
from hil.results import write_json
from hil.scenario import Fault, Scenario


def test_each_fault_has_a_line_and_all_words_filter(capsys: pytest.CaptureFixture[str]) -> None:
    assert faults_command(["k1", "welded"], coverage=None, as_json=False) == 0
    out = capsys.readouterr().out
    assert out.startswith("actuator/K1 welded") and out.count("\n") == 1


def test_json_tells_arguments_with_default_and_range(capsys: pytest.CaptureFixture[str]) -> None:
    faults_command(["wire/BCL", "delay"], coverage=None, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["where"] == "wire/BCL" and row["args"]["delay_s"] == [1.2, 0.0, 600.0]


def test_words_that_no_fault_has_are_refused() -> None:
    with pytest.raises(BadInput, match="xyzzy"):
        faults_command(["xyzzy"], coverage=None, as_json=False)


def test_coverage_counts_what_was_injected_and_what_had_an_effect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = Scenario(
        faults=[Fault(where="wire/BHM", kind="drop", args={"count": 1}), Fault(where="wire/BSP", kind="drop")],
    )
    bench = build(scenario, seed=1)
    bench.run(8_000_000)
    write_json(tmp_path / "events.json", events_of(bench.trace))
    faults_command(["drop"], coverage=tmp_path, as_json=True)
    found = {row["fault"]: (row["injected"], row["effective"]) for row in json.loads(capsys.readouterr().out)}
    assert found["wire/BHM drop"] == (1, 1)
    assert found["wire/BSP drop"] == (1, 0), "this vehicle sends no BSP"
    assert found["wire/BCL drop"] == (0, 0)


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"events\.json"):
        faults_command([], coverage=tmp_path, as_json=False)
    (tmp_path / "events.json").write_text("{")
    with pytest.raises(BadInput, match="not the events"):
        faults_command([], coverage=tmp_path, as_json=False)


def test_a_fault_of_a_scenario_that_does_not_exist_is_the_scenarios_mistake() -> None:
    with pytest.raises(BadInput, match="did you mean actuator/K1"):
        build(Scenario(faults=[Fault(where="actuator/K11", kind="welded")]), seed=1)
