"""A bench on which one side, or both, speak from a recording."""

from dataclasses import dataclass
from typing import Final

from firmware_model.bench import Bench
from firmware_model.clock import Clock
from firmware_model.trace import Trace
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.player import Cue, Player
from hil.build import build
from hil.links.recording import Recording
from hil.replay.cues import Cues
from hil.scenario import Scenario
from hil.sides import ADDRESSES, OTHER, nothing, silence
from protocols.core.frame import Frame

BEGIN_US: Final = 1_000_000
"""When a recording of somebody else begins on our clock."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A *bench* whose one side is played by *player*."""

    bench: Bench
    player: Player


def stage(scenario: Scenario, seed: int, recording: Recording, side: str, *, own: bool) -> Staged:
    """Our bench with its *side* ("pile" or "vehicle") replaced, on the bus, by what it said in *recording*.

    Its hardware stays: contactors, battery and lock follow our model of that side, which listens and is not heard. *own*: the
    recording is of one of our runs, whose clock it keeps; others begin a second after ours.
    """
    bench = build(scenario, seed)
    port = silence(bench, side)
    frames, cues = _script(recording, side, own=own)
    player = Player(bench.bus, port, frames, cues)
    live = Cues(ADDRESSES[OTHER[side]])

    def listen(now: int, frame: Frame, _sender: str) -> None:
        what = live.of(frame, now)
        if what is not None:
            player.hear(what, now)

    bench.bus.tap(listen)
    bench.clock.add(player)
    return Staged(bench, player)


def _script(recording: Recording, side: str, *, own: bool) -> tuple[list[tuple[int, Frame]], list[Cue]]:
    """The frames of *side*, and the cues of the other one."""
    base = 0 if own or not len(recording) else BEGIN_US - int(recording.times_us.min())
    others = Cues(ADDRESSES[OTHER[side]])
    frames, cues = [], []
    for at_us, frame in recording.frames():
        now = at_us + base
        if frame.extended and frame.can_id & 0xFF == ADDRESSES[side]:
            frames.append((now, frame))
        elif (what := others.of(frame, now)) is not None:
            cues.append(Cue(now, len(frames), what))
    return frames, cues


def open_loop(recording: Recording, *, bitrate: int = 250_000) -> Trace:
    """Every frame of *recording* on a bus of its own at its own time, waiting for nobody: what the wire makes of it."""
    clock, bus, trace = Clock(), CanBus(bitrate), Trace()
    bus.tap(trace.frame)
    begin = int(recording.times_us.min()) - BEGIN_US if len(recording) else 0
    players = []
    for address in (*ADDRESSES.values(), None):
        frames = [(at - begin, frame) for at, frame in recording.frames() if _of(frame, address)]
        port = bus.attach(f"player {address}", nothing, tx_depth=max(len(frames), 1))
        players.append(Player(bus, port, frames))
    clock.add(bus, *players)
    while not (all(player.done for player in players) and bus.due >= 1 << 60):
        clock.run(clock.now + 1_000_000)
    return trace


def _of(frame: Frame, address: int | None) -> bool:
    """Whether node *address* sent *frame*; None: a node that we do not know."""
    source = frame.can_id & 0xFF if frame.extended else None
    return source == address if address is not None else source not in ADDRESSES.values()
