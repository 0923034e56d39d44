"""The report of a run: one HTML file that needs no network, made of the files in a folder of results."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from hil.compare import compare_folders
from hil.files import whole
from hil.report.chart import Phases, curves
from hil.report.figures import BITRATE, bus_figure, svg, timeline_figure
from hil.report.folder import Results, read_results
from hil.report.machine import got, state_of
from hil.report.sequence import Arrow, arrows
from hil.story.sorting import Sorted, sort
from hil.story.story import Severity, Story
from hil.story.telling import tell
from hil.story.words import seconds
from protocols.gbt27930.editions import EDITIONS

REPORT_NAME: Final = "report.html"
ARROWS_MOST: Final = 400
SIDES: Final = {"charger": "pile", "vehicle": "vehicle"}
FAULT, LATE, STATE = "fault", "late", "state"
FAULT_KINDS: Final = frozenset({"Injected", "TookEffect", "Lifted"})
QUIET_KINDS: Final = frozenset({"Moved", "Ended", *FAULT_KINDS})
"""Events that are the normal course, or bars already, and so no marks of the fault time line."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; *mark* is "good", "bad", "open" or empty."""

    cells: Sequence[str]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the sequence diagram: an arrow if it has a *name*, else a note. *way* is its sender or the kind of the note."""

    at_us: int
    time: str
    way: str
    words: str
    name: str = ""
    folded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One box of the page."""

    id: str
    title: str
    kind: str = ""
    lead: str = ""
    picture: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Row] = ()
    lines: Sequence[Line] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything the template shows."""

    title: str
    held: bool
    ending: str
    clause: str
    figures: Sequence[dict[str, str]]
    sections: Sequence[Section] = field(default=())
    footer: str = ""


def write_report(folder: Path, *, baseline: Path | None = None) -> Path:
    """Write the report of the results in *folder* into it, compared with those in *baseline*; its path."""
    page = make_page(read_results(folder), baseline=baseline)
    path = folder / REPORT_NAME
    with whole(path) as part:
        part.write_text(render(page), encoding="utf-8")
    return path


def render(page: Page) -> str:
    """*page* as HTML."""
    here = files("hil.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(here.joinpath("page.html.j2").read_text(encoding="utf-8"))
    return template.render(page=page, css=here.joinpath("page.css").read_text(encoding="utf-8"))


def make_page(results: Results, *, baseline: Path | None = None) -> Page:
    """The page of *results*."""
    summary = results.summary
    return Page(
        title=results.scenario.get("title") or summary.get("scenario", results.folder.name),
        held=all(state_of(verdict) != "fail" for verdict in summary.get("expectations", ())),
        ending=f"{summary.get('ended', '')}: {summary.get('stop_reason', '')}",
        clause=summary.get("clause", ""),
        figures=list(_figures(summary)),
        sections=list(_sections(results, baseline)),
        footer=f"pilebench {summary.get('version', '')} · seed {summary.get('seed', '')} · frames {summary.get('digest', '')}",
    )


def _figures(summary: dict[str, Any]) -> Iterator[dict[str, str]]:
    if "energy_wh" in summary:
        yield {"name": "energy to the battery", "value": f"{summary['energy_wh'] / 1000:.3f} kWh"}
    if "soc_pct" in summary:
        yield {"name": "state of charge", "value": f"{summary['soc_start_pct']:.1f} → {summary['soc_pct']:.1f} %"}
    for name, value in summary.get("peaks", {}).items():
        quantity, _, unit = name.rpartition("_")
        yield {"name": f"peak {quantity.replace('_', ' ')}", "value": f"{value:.1f} {UNITS.get(unit, unit)}"}
    if "frames" in summary:
        yield {"name": "frames on the bus", "value": f"{summary['frames']:,}".replace(",", " ")}
    if "sim_s" in summary:
        yield {"name": "simulated time", "value": f"{summary['sim_s']:.1f} s"}


UNITS: Final = {"v": "V", "a": "A", "degc": "°C", "w": "W"}


def _sections(results: Results, baseline: Path | None) -> Iterator[Section]:
    summary = results.summary
    phases: Phases = [(p["name"], p["begin_s"], p["end_s"]) for p in summary.get("phases", ())]
    yield _verdicts("verdicts", "Verdicts", summary.get("expectations", ()))
    referee = _referee(summary.get("referee", ()))
    if referee and referee.rows[0].mark == "bad":
        yield referee
    if baseline is not None:
        yield _divergence(results, baseline)
    if results.signals:
        yield Section(
            id="curves", title="Voltage, current, charge, temperature", picture=_picture(curves(results.signals, phases))
        )
    if trouble := _trouble(results, phases):
        yield trouble
    if results.recording is not None:
        story = tell(results.recording)
        edition = EDITIONS.get(story.sessions[0].edition, EDITIONS["2015"]) if story.sessions else EDITIONS["2015"]
        found = sort(results.recording, edition)
        bitrate = results.scenario.get("wires", {}).get("bitrate", BITRATE)
        yield _sequence(results, found)
        yield _findings(story)
        yield Section(
            id="bus",
            title="Bus load and periods",
            lead="Load with stuff bits; below, how far each interval is off the nominal period. Dashed: ±10 %.",
            picture=_picture(bus_figure(results.recording, found, bitrate=bitrate)),
        )
    if referee and referee.rows[0].mark != "bad":
        yield referee
    yield _phases(summary)
    if "timing" in summary:
        yield Section(id="timing", title="Timing certificate", text=json.dumps(summary["timing"], indent=1, ensure_ascii=False))
    if results.scenario:
        text = json.dumps(results.scenario, indent=1, ensure_ascii=False)
        yield Section(id="scenario", title="Scenario as run", lead=f"seed {summary.get('seed')}", text=text)


def _picture(figure: Any) -> str:
    return base64.b64encode(svg(figure)).decode("ascii")


def _verdicts(key: str, title: str, verdicts: Sequence[dict[str, Any]], lead: str = "") -> Section:
    marks = {"pass": ("held", "good"), "fail": ("FAILED", "bad"), "inconclusive": ("inconclusive", "open")}
    rows = []
    for verdict in verdicts:
        word, mark = marks[state_of(verdict)]
        rows.append(Row((word, str(verdict["what"]), got(verdict), str(verdict.get("clause", ""))), mark))
    rows.sort(key=lambda row: ("bad", "open", "good").index(row.mark))
    return Section(id=key, title=title, kind="verdicts", lead=lead, columns=("", "expected", "got", "clause"), rows=rows)


def _referee(rulings: Sequence[dict[str, Any]]) -> Section | None:
    """What the referee says; None if it was not asked."""
    if not rulings:
        return None
    states = [state_of(ruling) for ruling in rulings]
    counts = f"{states.count('fail')} broken, {states.count('pass')} kept, {states.count('inconclusive')} open"
    return _verdicts("referee", "Referee", rulings, f"Judged from the wires and the physical truth alone: {counts}.")


def _divergence(results: Results, baseline: Path) -> Section:
    found = compare_folders(baseline, results.folder)
    title, key = "Against the baseline", "baseline"
    if found is None:
        return Section(id=key, title=title, lead=f"No divergence from {baseline.name}: every frame and every time is equal.")
    rows = [
        Row(("time", f"{found.expected_s} s", f"{found.got_s} s")),
        Row(("frame", found.expected or "none", found.got or "none")),
        *(Row((f"{change.name} [{change.unit}]", str(change.expected), str(change.got)), "bad") for change in found.fields),
    ]
    lead = (
        f"First divergence from {baseline.name} after {found.index} equal frames: {found.reason} in {found.message or 'a frame'}."
    )
    return Section(id=key, title=title, lead=lead, columns=("", "expected", "got"), rows=rows)


def _trouble(results: Results, phases: Phases) -> Section | None:
    """The time line of faults and of what was noticed; None if nothing went wrong."""
    spans = [{"name": e["name"], "begin_s": e["begin_s"], "end_s": e["end_s"]} for e in faults_of(results)]
    marks = [
        {"name": f"{event['who']}: {event['text']}", "at_s": event["at_s"]}
        for event in results.events
        if event["kind"] not in QUIET_KINDS
    ]
    if not spans and not marks:
        return None
    end_s = float(results.summary.get("sim_s", 0.0)) or max([s["end_s"] for s in spans] + [m["at_s"] for m in marks])
    rows = [Row((f"{span['begin_s']:.6f} s", f"{span['end_s']:.6f} s", span["name"]), "bad") for span in spans]
    rows += [Row((f"{mark['at_s']:.6f} s", "", mark["name"])) for mark in marks]
    return Section(
        id="faults",
        title="Faults and what was noticed",
        lead="Bars: injected. Diamonds: noticed by a part.",
        picture=_picture(timeline_figure(spans, marks, phases, end_s)),
        columns=("from", "until", "what"),
        rows=rows[:ARROWS_MOST],
    )


def faults_of(results: Results) -> list[dict[str, Any]]:
    """The injected faults: name, begin_s, end_s. One that was never taken away lasts to the end of the run."""
    end_s = float(results.summary.get("sim_s", 0.0))
    found: list[dict[str, Any]] = []
    for event in results.events:
        name = event.get("values", {}).get("fault")
        if event["kind"] == "Injected":
            found.append({"name": name, "begin_s": event["at_s"], "end_s": end_s, "open": True})
        elif event["kind"] == "Lifted":
            fault = next(one for one in found if one["name"] == name and one["open"])
            fault.update(end_s=event["at_s"], open=False)
    return found


def _sequence(results: Results, found: Sorted) -> Section:
    assert results.recording is not None
    begin_us = int(results.recording.times_us.min())
    lines = [_arrow(arrow, begin_us) for arrow in arrows(found)]
    lines += [_note(event) for event in results.events if event["kind"] != "Moved"]
    lines.sort(key=lambda line: line.at_us)
    lead = "Repeats of a message and the packets of a long one are folded into one arrow."
    if len(lines) > ARROWS_MOST:
        lead += f" The first {ARROWS_MOST} of {len(lines)} lines are shown."
    return Section(id="sequence", title="Session", lead=lead, lines=lines[:ARROWS_MOST])


def _arrow(arrow: Arrow, begin_us: int) -> Line:
    at_us = begin_us + arrow.at_us
    return Line(at_us, _clock(at_us), SIDES[arrow.sender], arrow.words, name=arrow.name, folded=arrow.folded(begin_us))


def _note(event: dict[str, Any]) -> Line:
    at_us = round(event["at_s"] * 1e6)
    way = FAULT if event["kind"] in FAULT_KINDS else LATE if event["kind"] == "TimedOut" else STATE
    words = event["text"] if way == FAULT else f"{event['who']}: {event['text']}"
    return Line(at_us, _clock(at_us), way, words)


def _clock(at_us: int) -> str:
    return f"{at_us / 1e6:.4f} s"


def _findings(story: Story) -> Section:
    found = [*story.findings, *(finding for session in story.sessions for finding in session.findings)]
    rows = [
        Row(
            (f.severity.value, f.who, f.what, "" if f.at_us is None else seconds(f.at_us), str(f.count), f.clause),
            "bad" if f.severity is Severity.BREACH else "open",
        )
        for f in found
    ]
    lead = "" if rows else "Nothing on the wire breaks the standard."
    columns = ("", "who", "what", "first at", "times", "clause")
    return Section(id="findings", title="What the wire tells", kind="findings", lead=lead, columns=columns, rows=rows)


def _phases(summary: dict[str, Any]) -> Section:
    rows = [
        Row(
            (
                phase["name"].lower().replace("_", " "),
                f"{phase['begin_s']:.3f} s",
                f"{phase['end_s'] - phase['begin_s']:.3f} s",
                phase["cause"].lower().replace("_", " "),
                phase["clause"],
            )
        )
        for phase in summary.get("phases", ())
    ]
    return Section(id="phases", title="Phases", kind="phases", columns=("phase", "from", "lasts", "because", "clause"), rows=rows)
