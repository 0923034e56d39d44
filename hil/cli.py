"""The command `pilebench`. Exit code 0: held, 1: an expectation failed, 2: misuse (one line on stderr, nothing half written)."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hil.errors import BadInput
from hil.interrupts import noticed
from hil.live.commands import app as live


class _Commands(TyperGroup):
    """Ctrl-C ends a command with one line; files are renamed into place when they are whole, so none is half written."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with noticed():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            print("pilebench: interrupted; every file that was written is whole", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="pilebench",
    cls=_Commands,
    help="Virtual test bench for DC charging piles: GB/T 27930 sessions, firmware, power stage and vehicle.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(live, name="hil")
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Name of a shipped scenario, or path of a TOML file.")] = "charge",
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything random. Same seed, same bytes.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results [default: runs/<scenario>].")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the scenario.")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--log", metavar="FORMAT", help="Also write asc, blf, mf4, csv or trc.")
    ] = None,
    chart: Annotated[bool, typer.Option(help="Draw charge.svg, charge.png and report.html.")] = True,
    detail: Annotated[str | None, typer.Option(metavar="LEVEL", help="switching: also draw every edge in --window.")] = None,
    window: Annotated[str | None, typer.Option(metavar="A..B", help="From when to when [s], at most 0.1 s.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run one virtual charge and report it."""
    from hil.run import run_command
    from hil.window import window_of

    code = run_command(
        scenario,
        seed=seed,
        out=out,
        changes=changes or [],
        formats=formats or [],
        chart=chart,
        as_json=as_json,
        window=window_of(detail, window),
    )
    raise typer.Exit(code)


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="The scenario file to write.")],
    base: Annotated[str, typer.Option(help="The scenario whose values count where the new one says nothing.")] = "charge",
) -> None:
    """Write a commented scenario file to start from."""
    from hil.scenario_help import new as write_new

    print(write_new(path, base=base))


@app.command()
def explain(
    scenario: Annotated[str, typer.Argument(help="Name of a shipped scenario, or path of a TOML file.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the scenario.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a scenario comes to: its values, where each comes from, and what happens when."""
    from hil.scenario_help import explain as tell

    tell(scenario, changes or [], as_json=as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from hil.scenario_help import print_schema

    print_schema()


@app.command()
def doctor(
    interface: Annotated[str | None, typer.Option(help="Also listen to this adapter: python-can's interface.")] = None,
    channel: Annotated[str | None, typer.Option(help="Its channel, for example can0 or /dev/ttyACM0.")] = None,
    bitrate: Annotated[int | None, typer.Option(help="bit/s; GB/T 27930 uses 250000.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long to listen, and to measure the clock.")] = 2.0,
    as_json: JsonOption = False,
) -> None:
    """Tell what is installed and plugged in, how well this machine keeps time, and what to do about the rest."""
    from hil.live.commands import choice_of
    from hil.live.doctor import doctor as examine

    choice = choice_of(interface, channel, bitrate, None, [], silent=True) if interface or channel else None
    code = examine(choice, seconds=seconds, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def judge(
    source: Annotated[Path, typer.Argument(help="A folder that `pilebench run` wrote, or a recording in any format we know.")],
    tolerance_ms: Annotated[
        float | None, typer.Option(min=0.0, help="What two time stamps are worth [ms, default: what the recording's are].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let the referee judge a run or a recording, rule by rule, with evidence and clause."""
    from hil.referee.command import judge_command

    code = judge_command(source, tolerance_ms=tolerance_ms, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def scenarios(as_json: JsonOption = False) -> None:
    """List the scenarios that come with pilebench."""
    from hil.report.listing import list_scenarios

    list_scenarios(as_json=as_json)


@app.command()
def faults(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Only those with all these words.")] = None,
    coverage: Annotated[Path | None, typer.Option(metavar="DIR", help="Count what was injected in the results in DIR.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List everything that can be made to fail, with a line each; or what of it was ever injected."""
    from hil.faults_command import faults_command

    code = faults_command(words or [], coverage=coverage, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def decode(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings in any format we know.")],
    as_json: JsonOption = False,
) -> None:
    """Tell the story of recorded sessions: who asked for what, what was delivered, who stopped and why."""
    from hil.decode import decode as decode_files

    code = decode_files(files, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def sweep(
    scenario: Annotated[str, typer.Argument(help="Name of a shipped scenario, or path of a TOML file.")] = "charge",
    vary: Annotated[
        list[str] | None, typer.Option(metavar="KEY=A..B:N", help="Values of a key: a span in N steps, or a list a,b,c.")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the scenario in every run.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each combination, each with another seed.")] = 1,
    workers: Annotated[int, typer.Option("--workers", "-j", min=1, help="Processes on this machine.")] = 2,
    executor: Annotated[str, typer.Option(help="local, or dask://host:port (extra `cluster`).")] = "local",
    out: Annotated[Path | None, typer.Option(help="Folder for the table [default: runs/sweep-<scenario>].")] = None,
    format_: Annotated[str, typer.Option("--format", help="csv, or parquet (extra `parquet`).")] = "csv",
    metric: Annotated[str, typer.Option(help="The column that is drawn and summed up.")] = "energy_wh",
    as_json: JsonOption = False,
) -> None:
    """Run a scenario many times, over values and seeds. Started again, it goes on where it was interrupted."""
    from hil.sweep.command import sweep_command

    code = sweep_command(
        scenario,
        vary=vary or [],
        changes=changes or [],
        seeds=seeds,
        workers=workers,
        executor=executor,
        out=out,
        format_=format_,
        metric=metric,
        as_json=as_json,
    )
    raise typer.Exit(code)


@app.command()
def replay(
    source: Annotated[Path, typer.Argument(help="A folder that `pilebench run` wrote, or a recording in any format we know.")],
    play: Annotated[
        str, typer.Option(help="Who speaks from it: both (open loop), vehicle or pile (against our other side), or diff.")
    ] = "diff",
    scenario: Annotated[str | None, typer.Option(help="The bench to play on [default: the run's own, or charge].")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of that scenario.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results [default: runs/replay-<name>].")] = None,
    chart: Annotated[bool, typer.Option(help="Draw the pictures and the report.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Play a recorded conversation again, wholly or one side of it against ours; diff tells where our sides part from it."""
    from hil.replay.command import replay_command

    code = replay_command(source, mode=play, scenario_name=scenario, changes=changes or [], out=out, chart=chart, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A folder that `pilebench run` wrote.")],
    baseline: Annotated[Path | None, typer.Option(help="A run or recording to compare with.")] = None,
) -> None:
    """Write report.html anew from the results in a folder, compared with a baseline if one is given."""
    from hil.report.page import write_report

    print(write_report(folder, baseline=baseline))


@app.command()
def compare(
    baseline: Annotated[Path, typer.Argument(help="A folder of results, or a recording in any format we know.")],
    other: Annotated[Path, typer.Argument(help="What to compare with it.")],
    tolerance_ms: Annotated[float, typer.Option(min=0.0, help="How much earlier or later a frame may come [ms].")] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Name the first frame and field in which a run or recording differs from a baseline."""
    from hil.compare import compare_command

    code = compare_command(baseline, other, tolerance_ms=tolerance_ms, as_json=as_json)
    raise typer.Exit(code)


@app.command()
def dbc(
    edition: Annotated[str, typer.Argument(help="2011, 2015 or 2023A.")] = "2015",
    out: Annotated[Path | None, typer.Option(help="File to write [default: standard output].")] = None,
) -> None:
    """Write the messages of an edition of GB/T 27930 as a DBC database."""
    from hil.report.database import write_database

    write_database(edition, out)


def main() -> None:
    """Entry point: complaints about files and values are one line each, without traceback."""
    try:
        app()
    except BadInput as error:
        print(f"pilebench: {error}", file=sys.stderr)
        sys.exit(2)
