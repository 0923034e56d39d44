"""Reads recordings and tells their stories, for people or as JSON."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress

from hil.errors import BadInput
from hil.links.recorded import read
from hil.story.as_json import story_json
from hil.story.story import Story
from hil.story.telling import tell
from hil.story.text import print_story

PATIENCE_S: Final = 2.0
"""A progress bar appears when it takes longer than this."""

WIDTH: Final = 160
"""Of the tables where the output is no terminal."""


def decode(paths: Sequence[Path], *, as_json: bool) -> int:
    """Print the story of every file; with *as_json* one object, or for several files a list.

    A file that cannot be read is named on stderr and the others are told all the same; the exit code is then 2, otherwise 0.
    """
    stories: list[Story] = []
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=False)
    with _progress(len(paths)) as told:
        for index, path in enumerate(paths):
            try:
                story = _story(path, index, told)
            except BadInput as error:
                print(f"pilebench: {error}", file=sys.stderr)
                continue
            stories.append(story)
            if not as_json:
                print_story(console, story)
    if as_json and stories:
        objects = [story_json(story) for story in stories]
        print(json.dumps(objects if len(paths) > 1 else objects[0], indent=1, ensure_ascii=False))
    return 0 if len(stories) == len(paths) else 2


def _story(path: Path, index: int, told: Callable[[float], None]) -> Story:
    """Reading is most of the work."""
    recording = read(path, told=lambda part: told(index + 0.8 * part))
    return tell(recording, told=lambda part: told(index + 0.8 + 0.2 * part))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[float], None]]:
    """What to tell how many of *total* files are done. Draws a bar on stderr, on a terminal only and not before it takes long."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    bar = Progress(console=console, transient=True)
    task, began = bar.add_task("decoding", total=total), time.monotonic()

    def told(done: float) -> None:
        if not bar.live.is_started and time.monotonic() - began > PATIENCE_S:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield told
    finally:
        bar.stop()
