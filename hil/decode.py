"""Reads recordings and tells their stories, for people or as JSON."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hil.errors import BadInput
from hil.links.recorded import read
from hil.story.as_json import story_json
from hil.story.story import Story
from hil.story.telling import tell


def decode(paths: Sequence[Path], *, as_json: bool) -> int:
    """Print the story of every file. Bad files are named on stderr, the others told all the same; then the exit code is 2."""
    stories: list[Story] = []
    code = 0
    for path in paths:
        try:
            stories.append(tell(read(path)))
        except BadInput as error:
            print(f"pilebench: {error}", file=sys.stderr)
            code = 2
    told = [story_json(story) for story in stories]
    print(json.dumps(told[0] if len(paths) == 1 and told else told, indent=1, ensure_ascii=False))
    return code
