"""A run's verdicts for machines and pull requests: JUnit XML and a Markdown summary."""

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as Xml

Verdicts = Sequence[dict[str, Any]]


def junit(summary: dict[str, Any]) -> str:
    """*summary* as a JUnit test suite: a case for each expectation, failed where it did not hold, skipped if inconclusive."""
    verdicts = summary.get("expectations", ())
    states = [state_of(verdict) for verdict in verdicts]
    suite = Xml.Element(
        "testsuite",
        name=f"pilebench.{summary['scenario']}",
        tests=str(len(verdicts)),
        failures=str(states.count("fail")),
        skipped=str(states.count("inconclusive")),
        time=f"{summary['wall_s']:.3f}",
    )
    properties = Xml.SubElement(suite, "properties")
    for key in ("seed", "version", "digest"):
        Xml.SubElement(properties, "property", name=key, value=str(summary[key]))
    for verdict, state in zip(verdicts, states, strict=True):
        case = Xml.SubElement(suite, "testcase", classname=f"pilebench.{summary['scenario']}", name=str(verdict["what"]))
        if state != "pass":
            kind = "failure" if state == "fail" else "skipped"
            Xml.SubElement(case, kind, message=f"got: {got(verdict)}").text = str(verdict["clause"])
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def markdown(summary: dict[str, Any]) -> str:
    """*summary* as Markdown: how it ended, then a table of the verdicts, the failed ones first."""
    verdicts = sorted(
        summary.get("expectations", ()), key=lambda verdict: ("fail", "inconclusive", "pass").index(state_of(verdict))
    )
    failed = sum(state_of(verdict) == "fail" for verdict in verdicts)
    rows = [
        f"## {summary['scenario']}: {'held' if not failed else f'{failed} of {len(verdicts)} expectations failed'}",
        "",
        f"{summary['ended']}: {summary['stop_reason']}  ",
        f"{summary['energy_wh'] / 1000:.3f} kWh, {summary['soc_start_pct']:.1f} → {summary['soc_pct']:.1f} %, "
        f"{summary['frames']} frames, {summary['sim_s']:.1f} s, seed {summary['seed']}",
        "",
        "| | expected | got | clause |",
        "| --- | --- | --- | --- |",
    ]
    words = {"pass": "held", "fail": "**FAILED**", "inconclusive": "inconclusive"}
    rows += [
        f"| {words[state_of(verdict)]} | {_cell(verdict['what'])} | {_cell(got(verdict))} | {_cell(verdict['clause'])} |"
        for verdict in verdicts
    ]
    return "\n".join(rows) + "\n"


def state_of(verdict: dict[str, Any]) -> str:
    """ "pass", "fail" or "inconclusive"."""
    if "held" in verdict:
        return "pass" if verdict["held"] else "fail"
    return str(verdict["verdict"])


def got(verdict: dict[str, Any]) -> str:
    """What was seen: the value, or the referee's evidence."""
    return str(verdict.get("got") or verdict.get("evidence") or "")


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
