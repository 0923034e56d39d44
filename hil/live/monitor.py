"""`pilebench hil monitor`: listens, shows what is said while it is said, keeps the log, and judges in the end. It never sends."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from hil.files import ready_folder
from hil.interrupts import ended_by_signals
from hil.links.adapter import resolved
from hil.links.link import AdapterChoice, Link, LinkLost, host_us
from hil.links.recorded import read
from hil.live.exclusive import open_to_listen
from hil.live.holes import cautious, doubted, lost_in_gaps
from hil.live.livelog import LiveLog
from hil.live.shown import Shown
from hil.live.supervisor import LinkEvent, LinkState, Patience, Supervisor
from hil.logfiles import LOG_FORMATS, check_format, write_log
from hil.referee.command import plain as rulings_plain
from hil.referee.referee import judge
from hil.report.folder import LOG_NAME
from hil.story.as_json import story_json
from hil.story.telling import tell
from hil.story.text import print_story
from protocols.core.frame import Frame

PIECE_S: Final = 0.1
SHOW_S: Final = 0.25
"""How often the table on a terminal is drawn."""
LINES_S: Final = 1.0
"""How often lines are printed where there is no terminal."""
PATIENCE: Final = Patience(give_up_s=600.0)
"""Who only listens can wait for somebody who comes by and plugs the adapter in again."""
UNREMARKABLE: Final = frozenset({LinkState.OPENING, LinkState.CLOSED})


def monitor(choice: AdapterChoice, *, seconds: float, formats: Sequence[str], out: Path | None, as_json: bool) -> int:
    """Listen for *seconds*, or until Ctrl-C, or until the adapter is given up; then tell what was heard. Always exit code 0: what
    others break is a finding, not a failure.
    """
    for log_format in formats:
        check_format(log_format)
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    link = Supervisor(lambda: open_to_listen(choice), patience=PATIENCE, on_event=_Teller(console).tell)
    began_us = host_us()
    try:
        folder = ready_folder(out or Path("runs") / "hil-monitor")
        console.print(f"listening on {' '.join(resolved(choice))}; Ctrl-C ends it")
        with ended_by_signals():
            count, lost = _listen(console, link, folder / LOG_NAME, seconds=seconds, began_us=began_us, quiet=as_json)
    finally:
        link.close()
    told = {"frames": count, "log": str(folder / LOG_NAME), "lost": lost, "link": link.plain()}
    if count:
        told |= _judged(console, folder, link, began_us, formats, as_json=as_json)
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    for gap in link.gaps[1:]:
        end = "the end" if gap.end_us is None else f"{(gap.end_us - began_us) / 1e6:.3f} s"
        console.print(
            f"nothing was heard from {(gap.begin_us - began_us) / 1e6:.3f} s to {end}; nobody is accused of what that may explain"
        )
    console.print(f"{count} frames, log: {folder / LOG_NAME}{f'; ended early: {lost}' if lost else ''}")
    return 0


def listen(
    link: Link,
    log: LiveLog,
    take: Callable[[Frame], None],
    *,
    seconds: float,
    began_us: int,
    show: Callable[[], None] = lambda: None,
) -> tuple[int, str]:
    """Take in, log and hand to *take* everything that comes within *seconds*; how many frames (their times in the log count from
    *began_us* and never go back), and why it ended early, if it did. *show* is called every `SHOW_S`.
    """
    count = last_us = 0
    end = time.monotonic() + seconds
    next_show = 0.0
    try:
        while (now := time.monotonic()) < end:
            heard = link.recv(min(PIECE_S, end - now))
            if heard is not None:
                count += 1
                last_us = max(last_us, heard.at_us - began_us)
                log.write((last_us, heard.frame))
                take(heard.frame)
            log.flush_due(now)
            if now >= next_show:
                next_show = now + SHOW_S
                show()
    except KeyboardInterrupt:
        return count, ""
    except LinkLost as error:
        return count, str(error)
    return count, ""


def _listen(console: Console, link: Link, path: Path, *, seconds: float, began_us: int, quiet: bool) -> tuple[int, str]:
    """`listen` with a table on a terminal, or with lines elsewhere, unless *quiet*."""
    shown, lines_at = Shown(), 0.0
    with LiveLog(path) as log, Live(console=console, auto_refresh=False, transient=True) as screen:

        def show() -> None:
            nonlocal lines_at
            if console.is_terminal:
                screen.update(shown.table(), refresh=True)
            elif not quiet and time.monotonic() >= lines_at:
                lines_at = time.monotonic() + LINES_S
                for line in shown.changes():
                    console.print(f"{(host_us() - began_us) / 1e6:8.1f} s {line}", markup=False)

        return listen(link, log, shown.take, seconds=seconds, began_us=began_us, show=show)


class _Teller:
    """Tells at once what becomes of the adapter, but the same thing only once."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, (LinkState.ACTIVE, "")

    def tell(self, event: LinkEvent) -> None:
        """*event* has happened."""
        said = event.state, event.words
        if event.state not in UNREMARKABLE and said != self._last:
            self._last = said
            self._console.print(f"adapter {': '.join(filter(None, (event.state.value, event.words)))}", markup=False)


def _judged(
    console: Console, folder: Path, link: Supervisor, began_us: int, formats: Sequence[str], *, as_json: bool
) -> dict[str, Any]:
    """The story and the verdicts on what is in the log, and that in the other *formats*."""
    recording, gaps = read(folder / LOG_NAME), link.gaps[1:]
    for log_format in formats:
        write_log(folder / f"bus{LOG_FORMATS[log_format]}", recording.frames(), log_format)
    first_us = int(recording.times_us[0])
    since_first = lost_in_gaps(gaps, began_us + first_us)
    story = doubted(tell(recording), since_first)
    judgement = cautious(judge(recording, losses=lost_in_gaps(gaps, began_us)), story.sessions, since_first)
    if not as_json:
        print_story(console, story)
        for ruling in judgement.broken():
            console.print(f"broken by the {ruling.who}: {ruling.what} ({ruling.clause})")
    return {"story": story_json(story), "verdict": judgement.verdict.value, "rules": rulings_plain(judgement)}
