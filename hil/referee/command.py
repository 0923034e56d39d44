"""`pilebench judge`: the referee's verdicts on a run or a recording."""

import json
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.links.recorded import read
from hil.links.recording import Recording
from hil.referee.case import Lost
from hil.referee.evidence import lost_in
from hil.referee.referee import Judgement, judge
from hil.referee.ruling import Ruling, Verdict
from hil.referee.truth import Truth, truth_of
from hil.report.folder import read_results

STYLES: Final = {Verdict.PASS: ("pass", "green"), Verdict.FAIL: ("FAIL", "bold red"), Verdict.INCONCLUSIVE: ("open", "yellow")}
ORDER: Final = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


def judge_command(source: Path, *, tolerance_ms: float | None, as_json: bool) -> int:
    """Judge the folder of results or the recording *source*; exit code 0: nothing was broken, 1: something was."""
    recording, truth, losses = _evidence(source)
    tolerance_us = None if tolerance_ms is None else round(1000 * tolerance_ms)
    judgement = judge(recording, truth, tolerance_us=tolerance_us, losses=losses)
    if as_json:
        print(json.dumps({"verdict": judgement.verdict.value, "rules": plain(judgement)}, indent=1, ensure_ascii=False))
    else:
        _print(Console(highlight=False), source, judgement, truth)
    return 1 if judgement.verdict is Verdict.FAIL else 0


def _evidence(source: Path) -> tuple[Recording, Truth | None, list[Lost]]:
    """The wires, the truth where there is one, and what a receiver did not get although the wire shows it."""
    if not source.is_dir():
        return read(source), None, []
    results = read_results(source)
    recording = results.recording or Recording.of_frames(())
    truth = truth_of(results.signals, end_us=round(float(results.summary.get("sim_s", 0.0)) * 1e6)) if results.signals else None
    return recording, truth, lost_in(results.events)


def plain(judgement: Judgement) -> list[dict[str, Any]]:
    """The rulings as values, the broken ones first: what, who, verdict, evidence in words, clause."""
    return [_plain(ruling) for ruling in sorted(judgement.rulings, key=lambda ruling: ORDER.index(ruling.verdict))]


def _plain(ruling: Ruling) -> dict[str, Any]:
    return {
        "rule": ruling.rule,
        "who": ruling.who,
        "what": f"{ruling.who}: {ruling.what}",
        "verdict": ruling.verdict.value,
        "evidence": "; ".join(_words(seen.at_us, seen.what) for seen in ruling.evidence),
        "count": ruling.count,
        "clause": ruling.clause,
    }


def _words(at_us: int | None, what: str) -> str:
    return what if at_us is None else f"{at_us / 1e6:.6f} s: {what}"


def _print(console: Console, source: Path, judgement: Judgement, truth: Truth | None) -> None:
    word, style = STYLES[judgement.verdict]
    console.print(Text.assemble((f"{source}: ", "bold"), (word, style)))
    if truth is None:
        console.print("wires only: what needs the physical truth stays open", style="dim")
    table = Table("", "rule", "who", "what", "evidence", "clause", box=None, header_style="bold", pad_edge=False)
    for ruling in sorted(judgement.rulings, key=lambda ruling: ORDER.index(ruling.verdict)):
        word, style = STYLES[ruling.verdict]
        evidence = "\n".join(_words(seen.at_us, seen.what) for seen in ruling.evidence[:2])
        table.add_row(Text(word, style=style), ruling.rule, ruling.who, ruling.what, evidence, Text(ruling.clause, style="dim"))
    console.print(table)
