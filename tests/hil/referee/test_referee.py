"""The referee over a recording of real devices, and over what the virtual bench does."""

import json
from pathlib import Path

import pytest

from hil.build import build
from hil.events import events_of
from hil.links.recorded import read
from hil.links.recording import Recording
from hil.referee.command import judge_command
from hil.referee.evidence import lost_in
from hil.referee.referee import judge
from hil.referee.ruling import Verdict
from hil.referee.truth import truth_of
from hil.run import run_command
from hil.scenario_files import load

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "data" / "captures"
FSAE = CAPTURES / "normalised" / "gbt_fsae_bms_3a_soc97_ccs_stops.log"
SHORT = [
    *(
        "charger_stop",
        "emergency_stop",
        "bcl_lost",
        "insulation_fault",
        "vehicle_stop",
        "pause_resume",
        "reconnect",
        "short_charge",
    ),
    *(
        "short_charge",
        "reaction_mains_lost",
        "reaction_earth_lost",
        "reaction_plug_out",
        "reaction_switch_s",
        "timer_bcs_lost",
        "timer_csd",
    ),
]


def ruling(judgement, rule, who="charger"):
    return next(r for r in judgement.rulings if r.rule == rule and r.who == who)


@pytest.mark.skipif(not FSAE.is_file(), reason="the shared recordings (../shared/data/captures) are not here")
def test_a_real_recording_lacks_cro_00_and_ccs_and_its_vehicle_says_so():
    judgement = judge(read(FSAE))

    assert judgement.verdict is Verdict.FAIL
    assert "CRO(0xAA) without any CRO(0x00)" in ruling(judgement, "3.2 CRO 00").evidence[0].what
    silent = ruling(judgement, "3.1 CCS")
    assert silent.verdict is Verdict.FAIL and "CCS" in silent.evidence[0].what
    flag = ruling(judgement, "8.8 BEM flag", "vehicle")
    assert flag.verdict is Verdict.PASS and "CCS" in flag.evidence[0].what


@pytest.mark.parametrize("name", SHORT)
def test_healthy_roles_break_no_rule(name):
    scenario = load(name, ["pile.level=quasi_static"])
    bench = build(scenario, scenario.seed)
    bench.run(round(scenario.duration_s * 1e6))

    recording = Recording.of_frames(bench.trace.log())
    judgement = judge(recording, truth_of(bench.trace.signals, end_us=bench.clock.now), losses=lost_in(events_of(bench.trace)))

    assert [(r.rule, r.evidence[0].what) for r in judgement.broken()] == []
    assert judgement.verdict is Verdict.PASS


def test_without_truth_what_needs_it_is_inconclusive():
    judgement = judge(Recording.of_frames([]))

    assert {r.verdict for r in judgement.rulings} == {Verdict.INCONCLUSIVE}
    assert judgement.verdict is Verdict.INCONCLUSIVE


DIVERGENT = {
    "divergence_08_slow_periods": "2.1 periods",
    "divergence_11_binary_clock": "8.2 form",
    "divergence_13_long_ccs": "8.2 form",
    "divergence_16_bst_fill": "8.2 form",
    "divergence_24a_early_ccs": "8.3 order",
    "reaction_lock_lost": "4.2 locked",
    "double_stop_and_bleeder": "4.6 bleed",
}
"""Scenarios in which somebody does break a rule, and which."""


@pytest.mark.parametrize("name", DIVERGENT)
def test_a_role_that_breaks_a_rule_is_named_with_it(name):
    scenario = load(name)
    bench = build(scenario, scenario.seed)
    bench.run(round(scenario.duration_s * 1e6))

    judgement = judge(
        Recording.of_frames(bench.trace.log()),
        truth_of(bench.trace.signals, end_us=bench.clock.now),
        losses=lost_in(events_of(bench.trace)),
    )

    assert DIVERGENT[name] in [broken.rule for broken in judgement.broken()]
    assert all(broken.clause and broken.evidence for broken in judgement.broken())


def test_the_command_judges_a_folder_and_tells_evidence_and_clause(tmp_path, capsys):
    run_command("divergence_08_slow_periods", seed=1, out=tmp_path, changes=[], formats=[], chart=False, as_json=True)
    capsys.readouterr()

    code = judge_command(tmp_path, tolerance_ms=None, as_json=True)

    told = json.loads(capsys.readouterr().out)
    worst = told["rules"][0]
    assert code == 1 and told["verdict"] == "fail"
    assert worst["verdict"] == "fail" and worst["rule"] == "2.1 periods" and worst["clause"]
    assert "instead of" in worst["evidence"]
    assert told["rules"] == json.loads((tmp_path / "summary.json").read_text())["referee"]
