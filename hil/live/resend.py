"""`pilebench hil replay`: one side of a recording, said again on an adapter with the spacing that it had."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from firmware_model.clock import NEVER, Clock
from hil.errors import BadInput
from hil.interrupts import ended_by_signals
from hil.links.adapter import resolved
from hil.links.link import AdapterChoice, LinkLost
from hil.links.recorded import read
from hil.links.recording import Recording
from hil.live.pacer import Pacer
from hil.live.roles import SILENT, Part, limits_of, way_to_the_wire
from hil.live.supervisor import Supervisor
from hil.sides import ADDRESSES
from hil.story.telling import tell
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What is said again: *side* ("pile" or "vehicle") of recording *source*, *speed* times as fast, *times* times."""

    source: Path
    side: str
    speed: float = 1.0
    times: int = 1
    edition: str | None = None
    """Whose messages are allowed; None: the one that the recording's first session speaks."""


class Teller:
    """A part of the clock that says *frames* (time in µs, frame), *times* times, one after the other."""

    def __init__(self, frames: Sequence[tuple[int, Frame]], pacer: Pacer, *, times: int, armed: bool) -> None:
        self._frames, self._pacer, self._left, self._armed = frames, pacer, times, armed
        self._next = self._began_us = 0
        self.said = 0
        """Frames that were sent, or would have been if we were armed."""
        self.due = frames[0][0]

    def tick(self, now: int) -> None:
        """Say what is due."""
        frame = self._frames[self._next][1]
        if self._armed:
            self._pacer.send(frame, self.due)
        self.said += 1
        self._next += 1
        if self._next == len(self._frames):
            self._left -= 1
            self._next, self._began_us = 0, now
        self.due = self._began_us + self._frames[self._next][0] if self._left else NEVER


def edition_of(again: Again, recording: Recording) -> str:
    """The edition that was asked for, or that the recording speaks; 2015 if nothing tells. Raises `BadInput`: no such edition."""
    if again.edition is not None and again.edition not in EDITIONS:
        raise BadInput(f"--edition {again.edition}: one of {', '.join(EDITIONS)}")
    told = [session.edition for session in tell(recording).sessions[:1] if session.edition in EDITIONS]
    return again.edition or (told or ["2015"])[0]


def frames_of(again: Again, recording: Recording) -> list[tuple[int, Frame]]:
    """The frames of the side, times from the recording's first frame on and never backwards. Raises `BadInput` without any."""
    found: list[tuple[int, Frame]] = []
    origin_us, last_us = int(recording.times_us[0]) if len(recording) else 0, 0
    for at_us, frame in recording.frames():
        last_us = max(last_us, at_us - origin_us)
        if frame.extended and frame.can_id & 0xFF == ADDRESSES[again.side]:
            found.append((round(last_us / again.speed), frame))
    if not found:
        raise BadInput(f"{again.source}: no frame of the {again.side} (address {ADDRESSES[again.side]:02X}) in it")
    return found


def resend(choice: AdapterChoice, again: Again, part: Part) -> int:
    """Say it again on the adapter; the exit code. Armed, it goes through a keeper, which says the safe end behind it."""
    recording = read(again.source)
    frames, edition = frames_of(again, recording), edition_of(again, recording)
    interface, channel = resolved(choice)
    limits = limits_of(part, interface, channel)
    console = Console(stderr=part.as_json, highlight=False, soft_wrap=True)
    link = way_to_the_wire(again.side, edition, choice, part, limits)
    lost, clock = "", Clock()
    try:
        pulse = None if isinstance(link, Supervisor) else link.beat
        pacer = Pacer(clock, link, lambda *_: None, spin_us=part.spin_us, pulse=pulse)
        teller = Teller(frames, pacer, times=again.times, armed=part.armed)
        clock.add(teller)
        words = "ARMED" if part.armed else SILENT
        console.print(
            f"{len(frames)} frames of the {again.side} ({edition}) on {interface} {channel}, {again.times} times, {words}"
        )
        with ended_by_signals():
            while teller.due < NEVER:
                pacer.run(max(teller.due, clock.now + 1))  # the first frame is due at once
    except KeyboardInterrupt:
        pass  # the usual end of an endless one
    except LinkLost as error:
        lost = str(error)
    finally:
        link.close()
    told = {"said": teller.said, "armed": part.armed, "lost": lost, "timing": pacer.certificate.plain()}
    if part.as_json:
        print(json.dumps(told, indent=1))
    else:
        console.print(f"{teller.said} frames {'sent' if part.armed else 'kept back'}; {pacer.certificate.words()}")
    if lost:
        raise BadInput(f"{interface} {channel}: ended: {lost}")
    return 0
