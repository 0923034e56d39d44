"""`pilebench hil monitor`: listens, shows what is said while it is said, keeps the log, and judges in the end. It never sends."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from hil.files import ready_folder
from hil.links.adapter import open_adapter, resolved
from hil.links.link import AdapterChoice, Link, LinkLost, host_us
from hil.links.recording import Recording
from hil.live.livelog import LiveLog
from hil.live.shown import Shown
from hil.live.supervisor import Gap, Supervisor
from hil.logfiles import LOG_FORMATS, check_format, write_log
from hil.referee.case import Lost
from hil.referee.command import plain as rulings_plain
from hil.referee.referee import judge
from hil.report.folder import LOG_NAME
from hil.story.as_json import story_json
from hil.story.telling import tell
from hil.story.text import print_story
from protocols.core.frame import Frame

PIECE_S: Final = 0.1
SHOW_S: Final = 0.25


def monitor(choice: AdapterChoice, *, seconds: float, formats: Sequence[str], out: Path | None, as_json: bool) -> int:
    """Listen for *seconds*, or until Ctrl-C, or until the adapter is given up; then tell what was heard. Always exit code 0: what
    others break is a finding, not a failure.
    """
    for log_format in formats:
        check_format(log_format)
    link = Supervisor(lambda: open_adapter(choice))
    began_us, shown = host_us(), Shown()
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    lost = ""
    try:
        folder = ready_folder(out or Path("runs") / "hil-monitor")
        console.print(f"listening on {' '.join(resolved(choice))}; Ctrl-C ends it")
        with LiveLog(folder / LOG_NAME) as log, Live(console=console, auto_refresh=False, transient=True) as screen:

            def show() -> None:
                if console.is_terminal:
                    screen.update(shown.table(), refresh=True)

            frames, lost = listen(link, log, shown.take, seconds=seconds, began_us=began_us, show=show)
    finally:
        link.close()
    for log_format in formats:
        write_log(folder / f"bus{LOG_FORMATS[log_format]}", iter(frames), log_format)
    _tell(console, frames, link, folder, began_us, lost=lost, as_json=as_json)
    return 0


def listen(
    link: Link,
    log: LiveLog,
    take: Callable[[Frame], None],
    *,
    seconds: float,
    began_us: int,
    show: Callable[[], None] = lambda: None,
) -> tuple[list[tuple[int, Frame]], str]:
    """Take in, log and hand to *take* everything that comes within *seconds*; the frames (times from *began_us*), and why it
    ended early, if it did. *show* is called now and then.
    """
    frames: list[tuple[int, Frame]] = []
    end = time.monotonic() + seconds
    next_show = 0.0
    try:
        while (now := time.monotonic()) < end:
            heard = link.recv(min(PIECE_S, end - now))
            if heard is not None:
                frames.append((max(0, heard.at_us - began_us), heard.frame))
                log.write(frames[-1])
                take(heard.frame)
            log.flush_due(now)
            if now >= next_show:
                next_show = now + SHOW_S
                show()
    except KeyboardInterrupt:
        return frames, ""
    except LinkLost as error:
        return frames, str(error)
    return frames, ""


def lost_in_gaps(gaps: Sequence[Gap], began_us: int) -> list[Lost]:
    """The holes in what was heard: no verdict is drawn from what may have been said then."""
    return [Lost(gap.begin_us - began_us, (gap.end_us or host_us()) - began_us) for gap in gaps]


def _tell(
    console: Console,
    frames: Sequence[tuple[int, Frame]],
    link: Supervisor,
    folder: Path,
    began_us: int,
    *,
    lost: str,
    as_json: bool,
) -> None:
    path, gaps = folder / LOG_NAME, link.gaps[1:]
    told: dict[str, Any] = {"frames": len(frames), "log": str(path), "lost": lost, "link": link.plain()}
    if frames:
        recording = Recording.of_frames(frames)
        story = tell(recording)
        judgement = judge(recording, losses=lost_in_gaps(gaps, began_us))
        told |= {"story": story_json(story), "verdict": judgement.verdict.value, "rules": rulings_plain(judgement)}
        if not as_json:
            print_story(console, story)
            for ruling in judgement.broken():
                console.print(f"broken by the {ruling.who}: {ruling.what} ({ruling.clause})")
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    for gap in gaps:
        end = "the end" if gap.end_us is None else f"{(gap.end_us - began_us) / 1e6:.3f} s"
        console.print(f"nothing was heard from {(gap.begin_us - began_us) / 1e6:.3f} s to {end}; no verdict about that time")
    console.print(f"{len(frames)} frames, log: {path}{f'; ended early: {lost}' if lost else ''}")
