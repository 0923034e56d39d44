"""What we may ask for and admit on a real wire: a file that whoever is responsible for the bench has written."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from hil.scenario_files import checked, read_toml


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The greatest voltage and current that may be asked for, promised or measured, and how long it may take in all."""

    max_v: Annotated[float, Meta(gt=0, le=1500)]
    """V."""
    max_a: Annotated[float, Meta(gt=0, le=1000)]
    """A."""
    max_min: Annotated[float, Meta(gt=0, le=1440)]
    """Minutes from the first frame that we send."""


EMULATED = Limits(max_v=1000.0, max_a=400.0, max_min=1440.0)
"""Where no real wire can be behind the adapter, and no file was given."""


def load_limits(path: Path) -> Limits:
    """The limits in the TOML file *path*; all three must be there. Raises `BadInput`: file, line, key, range."""
    return checked(read_toml(path), Limits, str(path), path.read_text(encoding="utf-8"))
