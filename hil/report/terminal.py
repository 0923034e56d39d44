"""The report of a run as tables on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hil.outcome import Outcome
from hil.verdict import Verdict


def print_report(
    console: Console, title: str, outcome: Outcome, verdicts: list[Verdict], wall_s: float, files: list[str]
) -> None:
    """Phases, figures, verdicts and files of one run."""
    console.print(Text(title, style="bold"))
    console.print(_phases(outcome))
    console.print(_figures(outcome, wall_s))
    console.print(_verdicts(verdicts))
    console.print(Text(f"files: {'  '.join(files)}", style="dim"))


def _phases(outcome: Outcome) -> Table:
    table = Table("phase", "from [s]", "lasts [s]", "because", "clause", box=None, header_style="bold", pad_edge=False)
    for phase in outcome.phases:
        table.add_row(
            phase.name.lower().replace("_", " "),
            f"{phase.begin_s:.3f}",
            f"{phase.end_s - phase.begin_s:.3f}",
            phase.cause.lower().replace("_", " "),
            Text(phase.clause, style="dim"),
        )
    for column in (1, 2):
        table.columns[column].justify = "right"
    return table


def _figures(outcome: Outcome, wall_s: float) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    loss = f", {100 * outcome.energy_wh / outcome.energy_ac_wh:.1f} % of the mains" if outcome.energy_ac_wh > 0 else ""
    table.add_row("ended", f"{outcome.ended}: {outcome.stop_reason}")
    table.add_row("", Text(outcome.clause, style="dim"))
    table.add_row("energy", f"{outcome.energy_wh / 1000:.3f} kWh{loss}")
    table.add_row("state of charge", f"{outcome.soc_start_pct:.1f} % -> {outcome.soc_pct:.1f} %")
    for name, value in outcome.peaks.items():
        quantity, _, unit = name.rpartition("_")
        table.add_row(f"peak {quantity.replace('_', ' ')}", f"{value:.1f} {_UNITS[unit]}")
    table.add_row("bus", f"{outcome.frames} frames, {outcome.error_frames} failed attempts, {outcome.bus_load_pct:.1f} % load")
    table.add_row("time", f"{outcome.sim_s:.1f} s in {wall_s:.2f} s, {outcome.sim_s / max(wall_s, 1e-9):.0f} x real time")
    return table


def _verdicts(verdicts: list[Verdict]) -> Table:
    table = Table("", "expectation", "got", "clause", box=None, header_style="bold", pad_edge=False)
    shown = ""
    for verdict in verdicts:
        mark = Text("held", style="green") if verdict.held else Text("FAILED", style="bold red")
        clause = verdict.clause if verdict.clause != shown or not verdict.held else "as above"
        shown = verdict.clause
        table.add_row(mark, verdict.what, verdict.got, Text(clause, style="dim"))
    return table


_UNITS = {"v": "V", "a": "A", "degc": "°C", "w": "W"}
