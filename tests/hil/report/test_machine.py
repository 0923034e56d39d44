"""JUnit and Markdown say what the summary says."""

from xml.etree import ElementTree as Xml

from hil.report.machine import junit, markdown

SUMMARY = {
    "scenario": "demo",
    "seed": 7,
    "version": "1",
    "digest": "abc",
    "wall_s": 1.25,
    "ended": "interrupted",
    "stop_reason": "no BCL",
    "energy_wh": 1234.0,
    "soc_start_pct": 20.0,
    "soc_pct": 21.0,
    "frames": 10,
    "sim_s": 3.0,
    "expectations": [
        {"what": "ends | safely", "held": True, "got": "open", "clause": "B.3.7"},
        {"what": "reconnections: 2", "held": False, "got": "<1>", "clause": "annex C"},
        {"what": "K1/K2 open", "verdict": "inconclusive", "evidence": "no signal", "clause": "8.3"},
    ],
}


def test_junit_has_a_case_for_each_verdict_and_escapes_what_was_got():
    suite = Xml.fromstring(junit(SUMMARY).split("\n", 1)[1])

    assert {key: suite.get(key) for key in ("tests", "failures", "skipped")} == {"tests": "3", "failures": "1", "skipped": "1"}
    assert [case.get("name") for case in suite.iter("testcase")] == ["ends | safely", "reconnections: 2", "K1/K2 open"]
    assert suite.find(".//failure").get("message") == "got: <1>" and suite.find(".//failure").text == "annex C"


def test_markdown_puts_failures_first_and_keeps_the_table_whole():
    lines = markdown(SUMMARY).splitlines()

    rows = [line for line in lines if line.startswith("| ") and "---" not in line][1:]
    assert rows[0].startswith("| **FAILED** | reconnections: 2 |")
    assert "ends \\| safely" in rows[2]
    assert "1 of 3 expectations failed" in lines[0]
