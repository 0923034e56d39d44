"""In which line of a TOML file a key stands, as the parser does not tell."""

import re
from collections.abc import Sequence
from typing import Final

HEADER: Final = re.compile(r"\s*(\[{1,2})\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?$")
KEY: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_of(text: str, keys: Sequence[str | int]) -> int | None:
    """The line (from 1) that sets *keys* ("script", 2, "do"), or the nearest table above it; None if there is neither."""
    wanted = [str(key) for key in keys]
    table: list[str] = []
    counts: dict[str, int] = {}
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        header = HEADER.match(line)
        if header:
            table = _parts(header[2])
            if header[1] == "[[":
                name = ".".join(table)
                counts[name] = counts.get(name, -1) + 1
                table = [*table, str(counts[name])]
            here = table
        else:
            key = KEY.match(line)
            if not key:
                continue
            here = [*table, *_parts(key[1])]
        if here == wanted[: len(here)] and (best is None or len(here) > best[0]):
            best = len(here), number
    return best[1] if best else None


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
