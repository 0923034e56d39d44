"""The commands `pilebench hil ...`: the same benches on real CAN adapters."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hil.links.link import AdapterChoice

app = typer.Typer(help="The same benches on real CAN adapters. Nothing is sent without --arm.", no_args_is_help=True)

Interface = Annotated[str | None, typer.Option(help="python-can's name of the adapter's interface: socketcan, slcan, pcan ...")]
Channel = Annotated[str | None, typer.Option(help="Its channel: can0, /dev/ttyACM0, PCAN_USBBUS1 ...")]
Bitrate = Annotated[int | None, typer.Option(help="bit/s; GB/T 27930 uses 250000.")]
Context = Annotated[str | None, typer.Option(help="A section of python-can's configuration file.")]
Options = Annotated[list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Another argument of the interface.")]
Arm = Annotated[bool, typer.Option("--arm", help="Really send, within --limits. Without it we only listen.")]
LimitsFile = Annotated[
    Path | None, typer.Option("--limits", help="TOML file with max_v, max_a, max_min; needed to arm a real adapter.")
]
Emulated = Annotated[
    bool,
    typer.Option("--emulated", help="I say that no real wire is behind this adapter: no --limits needed, --patience allowed."),
]
Deadman = Annotated[
    float | None, typer.Option("--deadman", min=1, max=3600, help="Somebody presses Enter this often [s], or it ends.")
]
PatienceMs = Annotated[
    int,
    typer.Option("--patience", min=20, max=10_000, help="What a silent bench is allowed [ms]; more on emulated adapters only."),
]
Changes = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the scenario.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the results.")]
Spin = Annotated[int, typer.Option("--spin", min=0, max=10_000, help="Look at the clock for the last so many µs of each wait.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Name = Annotated[str, typer.Argument(help="Scenario: who we are, what happens, what must hold.")]


def _role(side: str) -> Callable[..., None]:
    """The command that plays *side*."""

    def command(
        scenario: Name = "short_charge",
        interface: Interface = None,
        channel: Channel = None,
        bitrate: Bitrate = None,
        context: Context = None,
        options: Options = None,
        arm: Arm = False,
        limits: LimitsFile = None,
        emulated: Emulated = False,
        deadman: Deadman = None,
        patience: PatienceMs = 150,
        changes: Changes = None,
        out: Out = None,
        spin: Spin = 0,
        as_json: Json = False,
    ) -> None:
        from hil.live.roles import Part, play

        choice = choice_of(interface, channel, bitrate, context, options or [], silent=not arm)
        part = Part(
            armed=arm,
            limits=limits,
            emulated=emulated,
            changes=changes or [],
            out=out,
            spin_us=spin,
            deadman_s=deadman,
            patience_ms=patience,
            as_json=as_json,
        )
        raise typer.Exit(play(side, scenario, choice, part))

    return command


app.command("vehicle", help="Be the vehicle for a real pile's controller.")(_role("vehicle"))
app.command("pile", help="Be the pile for a real vehicle's BMS.")(_role("pile"))


@app.command()
def monitor(
    interface: Interface = None,
    channel: Channel = None,
    bitrate: Bitrate = None,
    context: Context = None,
    options: Options = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to listen.")] = 1e6,
    formats: Annotated[
        list[str] | None, typer.Option("--log", metavar="FORMAT", help="Also write asc, blf, mf4, csv or trc.")
    ] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Listen only, and tell the story of what was heard."""
    from hil.live.monitor import monitor as listen

    choice = choice_of(interface, channel, bitrate, context, options or [], silent=True)
    raise typer.Exit(listen(choice, seconds=seconds, formats=formats or [], out=out, as_json=as_json))


@app.command()
def replay(
    source: Annotated[Path, typer.Argument(help="A recording in any format we know.")],
    side: Annotated[str, typer.Option(help="Whose frames: pile or vehicle.")] = "vehicle",
    speed: Annotated[float, typer.Option(min=0.01, max=100, help="How many times as fast.")] = 1.0,
    times: Annotated[int, typer.Option(min=1, help="How often, one after the other.")] = 1,
    edition: Annotated[str | None, typer.Option(help="Edition whose messages may be sent [as the recording's].")] = None,
    interface: Interface = None,
    channel: Channel = None,
    bitrate: Bitrate = None,
    context: Context = None,
    options: Options = None,
    arm: Arm = False,
    limits: LimitsFile = None,
    emulated: Emulated = False,
    spin: Spin = 0,
    as_json: Json = False,
) -> None:
    """Say one side of a recording again on an adapter, with the spacing that it had."""
    from hil.errors import BadInput
    from hil.live.resend import Again, resend
    from hil.live.roles import Part
    from hil.sides import OTHER

    if side not in OTHER:
        raise BadInput(f"--side {side!r}: one of {', '.join(OTHER)}")
    choice = choice_of(interface, channel, bitrate, context, options or [], silent=not arm)
    part = Part(armed=arm, limits=limits, emulated=emulated, spin_us=spin, as_json=as_json)
    raise typer.Exit(resend(choice, Again(source=source, side=side, speed=speed, times=times, edition=edition), part))


@app.command()
def between(
    scenario: Annotated[str, typer.Argument(help="Scenario whose faults of the wire befall the frames that pass.")] = "charge",
    interface: Interface = None,
    channel: Annotated[str | None, typer.Option(help="Channel of the adapter at the pile.")] = None,
    vehicle_interface: Annotated[
        str | None, typer.Option(help="python-can's name of the adapter at the vehicle [as the other].")
    ] = None,
    vehicle_channel: Annotated[str | None, typer.Option(help="Channel of the adapter at the vehicle.")] = None,
    bitrate: Bitrate = None,
    options: Options = None,
    arm: Arm = False,
    limits: LimitsFile = None,
    emulated: Emulated = False,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to stand between.")] = 1e6,
    changes: Changes = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Stand between a pile and a vehicle: pass, delay, drop or change their frames by the faults of a scenario."""
    from hil.live.between_command import Middle
    from hil.live.between_command import between as stand_between

    choices = {
        "pile": choice_of(interface, channel, bitrate, None, options or [], silent=not arm),
        "vehicle": choice_of(vehicle_interface or interface, vehicle_channel, bitrate, None, options or [], silent=not arm),
    }
    middle = Middle(armed=arm, limits=limits, seconds=seconds, changes=changes or [], out=out, as_json=as_json, emulated=emulated)
    raise typer.Exit(stand_between(scenario, choices, middle))


def choice_of(
    interface: str | None, channel: str | None, bitrate: int | None, context: str | None, options: list[str], *, silent: bool
) -> "AdapterChoice":
    """The adapter that was asked for. Raises `BadInput` for what cannot be one."""
    from hil.errors import BadInput
    from hil.links.link import AdapterChoice

    pairs = []
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise BadInput(f"--option {option!r}: write NAME=VALUE")
        pairs.append((name, value))
    try:
        return AdapterChoice(
            interface=interface, channel=channel, bitrate=bitrate, context=context, options=tuple(pairs), silent=silent
        )
    except ValueError as error:
        raise BadInput(f"--bitrate: {error}") from None
