"""The story for people: tables on the terminal."""

from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hil.story.story import CHARGER, Finding, Outcome, Period, Session, Severity, Stamps, Story
from hil.story.words import seconds

BAR: Final = 36
"""Width of the time line in characters."""

STYLES: Final = {
    "handshake": "cyan",
    "identification": "blue",
    "configuration": "magenta",
    "charging": "green",
    "stop": "yellow",
    "statistics": "cyan",
    "BEM": "red",
    "CEM": "red",
}
OUTCOMES: Final = {Outcome.ERROR: "bold red", Outcome.OPEN: "bold yellow"}

VALUES: Final = (
    ("asked for (BCL)", "BCL", ("voltage_v", "current_a")),
    ("charger delivered (CCS)", "CCS", ("voltage_v", "current_a")),
    ("battery measured (BCS)", "BCS", ("voltage_v", "current_a", "cell_voltage_max_v")),
)
MOST_IDS: Final = 12

At = Callable[[int], str]
"""A time (µs) in words."""


def print_story(console: Console, story: Story) -> None:
    """Print *story*."""
    console.print(_head(story))
    if not story.sessions:
        console.print(_ids(story))
    at = _clock(story)
    for number, session in enumerate(story.sessions, 1):
        if len(story.sessions) > 1:
            span = f"{at(session.begin_us)} to {at(session.end_us)}"
            console.print(Text(f"\nsession {number} of {len(story.sessions)}, {span}, edition {session.edition}", style="bold"))
        for part in _session(session, story.findings if number == 1 else (), at):
            console.print(part)
    console.print()


def _clock(story: Story) -> At:
    """How times are written in tables: with as many digits as the stamps have."""
    digits = 1 if story.resolution_us >= 100_000 else 3
    return lambda us: f"{us / 1e6:.{digits}f} s"


def _head(story: Story) -> RenderableType:
    told = Text(story.file, style="bold")
    told.append(f"\n{story.protocol}", style="bold green" if story.sessions else "bold yellow")
    if not story.sessions:
        told.append(": not GB/T 27930, so no session is told")
    elif story.sessions[0].evidence:
        told.append(f"  told by {', '.join(story.sessions[0].evidence)}", style="dim")
    told.append(f"\n{story.format}, {story.frames} frames, {seconds(story.duration_us)}{_stamps(story)}")
    for word, count in (("remote", story.remote_frames), ("error", story.error_frames)):
        told.append(f", {count} {word} frames" if count else "")
    for note in story.notes:
        told.append(f"\nnote: {note}", style="yellow")
    return told


def _stamps(story: Story) -> str:
    if story.stamps is Stamps.CONSTANT:
        return ", time stamps stand still"
    if story.stamps is Stamps.BACKWARD:
        return ", time stamps run backward in places"
    return f", time stamps in steps of {story.resolution_us / 1000:g} ms" if story.resolution_us >= 10_000 else ""


def _ids(story: Story) -> Table:
    table = _table("identifier", "frames")
    for name, count in list(story.ids.items())[:MOST_IDS]:
        table.add_row(name, str(count))
    if len(story.ids) > MOST_IDS:
        table.add_row(f"{len(story.ids) - MOST_IDS} more", str(sum(list(story.ids.values())[MOST_IDS:])))
    table.columns[1].justify = "right"
    return table


def _session(session: Session, general: tuple[Finding, ...], at: At) -> Iterator[RenderableType]:
    if not session.from_beginning:
        yield Text("The recording begins in the middle of the session.", style="yellow")
    yield Text.assemble("\n", (session.ending.outcome.value, OUTCOMES.get(session.ending.outcome, "bold green")))
    yield Padding(Text(session.ending.reason), (0, 0, 0, 2))
    yield _titled("Phases", _phases(session, at))
    yield _titled("Course", _course(session, at))
    yield _titled("Asked for and delivered", _values(session))
    if session.periods:
        yield _titled("Periods", _periods(session))
    if session.transfers.complete or session.transfers.broken or session.transfers.open_at_end:
        yield _titled("Long messages (transport protocol)", _transfers(session, at))
    yield _findings((*general, *session.findings), at)


def _titled(title: str, part: RenderableType) -> RenderableType:
    return Group(Text(f"\n{title}", style="bold"), Padding(part, (0, 0, 0, 2)))


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, header_style="dim", pad_edge=False)


def _phases(session: Session, at: At) -> Table:
    several = session.attempts > 1
    table = _table("phase", "from", "to", "lasts", "messages", "")
    for phase in session.phases:
        name = f"{phase.name} ({phase.attempt})" if several else phase.name
        lasts = at(phase.end_us - phase.begin_us)
        bar = _bar(phase.begin_us - session.begin_us, phase.end_us - session.begin_us, session.end_us - session.begin_us)
        style = STYLES.get(phase.name, "")
        table.add_row(
            Text(name, style=style),
            at(phase.begin_us),
            at(phase.end_us),
            lasts,
            str(phase.frames),
            Text(bar, style=style),
        )
    for column in table.columns[1:5]:
        column.justify = "right"
    return table


def _bar(begin_us: int, end_us: int, total_us: int) -> str:
    """Where in the session a phase lies; a short one is one mark wide."""
    if total_us <= 0:
        return ""
    first = min(BAR - 1, max(0, BAR * begin_us // total_us))
    last = min(BAR - 1, max(first, BAR * end_us // total_us))
    return "·" * first + "█" * (last - first + 1) + "·" * (BAR - 1 - last)


def _course(session: Session, at: At) -> Table:
    table = _table("time", "charger", "vehicle")
    table.columns[0].justify = "right"
    table.columns[0].no_wrap = True
    for milestone in session.milestones:
        columns = (milestone.what, "") if milestone.who == CHARGER else ("", milestone.what)
        table.add_row(at(milestone.at_us), *map(Text, columns))
    return table


def _values(session: Session) -> RenderableType:
    table = _table("", "messages", "voltage", "current", "further")
    for title, name, fields in VALUES:
        stream = session.streams.get(name)
        if stream:
            texts = [_span(session, name, field) for field in fields]
            table.add_row(title, str(stream.count), *texts, *[""] * (3 - len(texts)))
    table.columns[1].justify = "right"
    extra = [
        ("state of charge", _course_of(session, "BCS", "soc_pct")),
        ("time to go", _course_of(session, "BCS", "remaining_min")),
        ("temperature", _both(session, "BSM", "temp_min_degc", "temp_max_degc")),
        ("charged by CSD", _course_of(session, "CSD", "energy_kwh", last_only=True)),
        ("energy summed from CCS", "" if session.energy_wh is None else f"{session.energy_wh / 1000:.2f} kWh"),
        ("charge time", _course_of(session, "CSD", "elapsed_min", last_only=True)),
    ]
    lines = [Text.assemble((f"{title}  ", "dim"), text) for title, text in extra if text]
    return (
        Group(table, *lines)
        if session.streams.keys() & {"BCL", "CCS", "BCS"}
        else Text("nothing: charging was not reached", style="dim")
    )


def _span(session: Session, name: str, field: str) -> str:
    found = session.streams[name].ranges.get(field)
    if found is None:
        return ""
    suffix = " highest cell" if field.startswith("cell") else ""
    span = f"{found.low:g}" if found.low == found.high else f"{found.low:g} .. {found.high:g}"
    return f"{span} {found.unit}{suffix}"


def _course_of(session: Session, name: str, field: str, *, last_only: bool = False) -> str:
    stream = session.streams.get(name)
    found = stream.ranges.get(field) if stream else None
    if found is None:
        return ""
    unit = found.unit.replace("degC", "°C")
    return f"{found.last:g} {unit}" if last_only or found.first == found.last else f"{found.first:g} -> {found.last:g} {unit}"


def _both(session: Session, name: str, low: str, high: str) -> str:
    ranges = session.streams[name].ranges if name in session.streams else {}
    return f"{ranges[low].low:g} .. {ranges[high].high:g} °C" if low in ranges and high in ranges else ""


def _periods(session: Session) -> RenderableType:
    table = _table("message", "nominal", "median", "longest", "intervals", "beyond ±10 %")
    for period in session.periods:
        table.add_row(
            period.message,
            *(f"{us / 1000:g} ms" for us in (period.nominal_us, period.median_us, period.max_us)),
            str(period.count),
            _judged(period),
        )
    for column in table.columns[1:5]:
        column.justify = "right"
    return table


def _judged(period: Period) -> Text:
    if period.beyond is None:
        return Text(f"not judged: {period.why_not}", style="dim")
    return Text(str(period.beyond) if period.beyond else "none", style="yellow" if period.beyond else "")


def _transfers(session: Session, at: At) -> Text:
    told = session.transfers
    complete = ", ".join(f"{count} {name}" for name, count in told.complete.items()) or "none"
    counts = f"{told.cts} CTS, {told.eoma} acknowledged, {told.abort} aborted, {told.open_at_end} open at the end"
    text = Text(f"complete: {complete}; {counts}")
    for broken in told.broken[:5]:
        text.append(f"\nbroken at {at(broken.at_us)}: {broken.name}, {broken.why}", style="yellow")
    if len(told.broken) > 5:
        text.append(f"\nand {len(told.broken) - 5} more", style="yellow")
    return text


def _findings(findings: tuple[Finding, ...], at: At) -> RenderableType:
    if not findings:
        return Text("\nNothing in it breaks the standard.", style="green")
    table = _table("", "time", "who", "what", "clause")
    table.columns[1].justify = "right"
    table.columns[1].no_wrap = True
    ordered = sorted(findings, key=lambda finding: finding.severity is not Severity.BREACH)
    for finding in ordered:
        style = "bold red" if finding.severity is Severity.BREACH else "yellow"
        times = f" ({finding.count}x)" if finding.count > 1 else ""
        when = "" if finding.at_us is None else at(finding.at_us)
        table.add_row(
            Text(finding.severity.value, style=style),
            when,
            finding.who,
            Text(f"{finding.what}{times}"),
            Text(finding.clause, style="dim"),
        )
    count = sum(finding.severity is Severity.BREACH for finding in findings)
    notes = f", and {len(findings) - count} to note" if len(findings) > count else ""
    title = f"What broke the standard: {count or 'nothing'}{notes}"
    return _titled(title, table)
