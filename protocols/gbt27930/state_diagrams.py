"""The rules of both sessions as a document: a diagram and a table of sources for each, made from the transition tables."""

from collections.abc import Iterator
from typing import Any

from protocols.core.transitions import Transitions
from protocols.gbt27930 import bms_rules, charger_rules

_HEAD = """# States of a GB/T 27930 session

Made from the transition tables by ``python -m protocols.gbt27930.state_diagrams``; a test compares. The arrows to the resting
state by unplugging (charger: UNPLUG, vehicle: SLEEP), which leave every other state, are left out of the diagrams."""
_ALWAYS = ("UNPLUG", "SLEEP")


def document() -> str:
    """docs/state_diagrams.md as it must read."""
    parts = [_HEAD, *_chapter("Charger", charger_rules.TRANSITIONS), *_chapter("Vehicle", bms_rules.TRANSITIONS)]
    return "\n\n".join(parts) + "\n"


def _chapter(title: str, transitions: Transitions[Any, Any]) -> Iterator[str]:
    arrows = [line for line in transitions.mermaid().splitlines() if not line.endswith(_ALWAYS)]
    yield f"## {title}"
    yield "```mermaid\n" + "\n".join(arrows) + "\n```"
    yield "\n".join(["| from | on | to | source |", "| --- | --- | --- | --- |", *_rows(transitions)])


def _rows(transitions: Transitions[Any, Any]) -> Iterator[str]:
    for edge in transitions.values():
        yield f"| {edge.before.name} | {edge.given.name} | {edge.after.name} | {edge.clause} |"


if __name__ == "__main__":
    print(document(), end="")
