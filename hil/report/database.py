"""The DBC database of an edition, for other people's tools."""

import sys
from pathlib import Path

from hil.errors import BadInput
from hil.files import whole
from protocols.gbt27930.dbc import edition_dbc
from protocols.gbt27930.editions import EDITIONS


def write_database(edition: str, out: Path | None) -> None:
    """Write the database of *edition* to *out*, or to standard output."""
    if edition not in EDITIONS:
        raise BadInput(f"no edition {edition!r}: one of {', '.join(EDITIONS)}")
    text = edition_dbc(EDITIONS[edition])
    if out is None:
        sys.stdout.write(text)
        return
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
