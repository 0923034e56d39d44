"""Which protocol a recording speaks, and which edition of GB/T 27930 a session."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hil.story.excerpt import Excerpt
from hil.story.sorting import Sorted
from protocols.gbt27930.editions import EDITIONS, Edition, supercharge
from protocols.gbt27930.messages import BRM, VERSIONS

CHADEMO_IDS = (0x100, 0x101, 0x102, 0x108, 0x109)
"""What every CHAdeMO session has: vehicle 0x100..0x102, charger 0x108 and 0x109, all 11 bits long."""

UNKNOWN = "unknown"
SUPERCHARGE_VERSION = int.from_bytes(b"1CS", "little")
"""BRM version of one maker's extension: all currents offset by -3000 A."""


def foreign_protocol(ids: Mapping[int, int]) -> str:
    """The protocol of a recording that is not GB/T 27930, by its identifiers and their counts."""
    seen = [key for key in CHADEMO_IDS if key in ids]
    return "CHAdeMO" if (len(seen) >= 3 and 0x102 in seen) or {0x108, 0x109} <= set(seen) else UNKNOWN


def is_gbt(found: Sorted) -> bool:
    """Whether charger and BMS of GB/T 27930 speak in the recording, more than a CHAdeMO pair does."""
    ours = sum(map(len, found.tracks.values())) + sum(map(len, found.heard.control.values()))
    theirs = sum(found.ids.get(key, 0) for key in CHADEMO_IDS)
    return ours > theirs if foreign_protocol(found.ids) != UNKNOWN else ours > 0


@dataclass(frozen=True, slots=True)
class Vote:
    """One observation that speaks for an edition."""

    edition: str
    words: str
    weight: int = 1


def edition_of(session: Excerpt) -> tuple[Edition, tuple[str, ...]]:
    """The edition of *session* and what tells it. Without any evidence it is taken for 2015."""
    votes = list(_votes(session))
    if not votes:
        return EDITIONS["2015"], ("nothing tells the edition; taken for 2015",)
    weights = {name: sum(vote.weight for vote in votes if vote.edition == name) for name in EDITIONS}
    if weights["2011"] > weights["2015"] + weights["2023A"]:
        name = "2011"
    else:
        name = "2023A" if weights["2023A"] else "2015"
    edition = supercharge(EDITIONS[name]) if _is_supercharge(session) else EDITIONS[name]
    return edition, tuple(vote.words for vote in votes)


def _votes(session: Excerpt) -> Iterator[Vote]:
    yield from _handshake(session)
    brm = _brm(session)
    if brm is not None:
        length = int(session.track("BRM").lengths[-1])
        by_version = {0x000100: "2011", 0x000102: "2023A"}.get(brm.version, "2015")
        yield Vote(by_version, f"BRM {version(brm.version)}")
        yield Vote("2011" if length <= 41 else "2015", f"BRM of {length} bytes")
    for name, short in (("CML", 6), ("CCS", 6), ("CSD", 5)):
        track = session.track(name)
        if len(track):
            length = int(track.lengths[-1])
            yield Vote("2011" if length <= short else "2015", f"{name} of {length} bytes")
    yield from _class_a(session)


def _handshake(session: Excerpt) -> Iterator[Vote]:
    chm, bhm = session.track("CHM"), session.track("BHM")
    if len(bhm):
        yield Vote("2015", "BHM", weight=5)
    if len(chm):
        said = int.from_bytes(chm.payload(-1)[:3], "little")
        yield Vote("2023A" if said >= 0x000102 else "2015", f"CHM {version(said)}", weight=1 if len(bhm) else 0)
        if not len(bhm) and session.first("CRM") is not None:
            yield Vote("2011", "CHM is not answered")


def _class_a(session: Excerpt) -> Iterator[Vote]:
    """Flags that only the 2023 edition has, set to 01 (unused bits are 11 in older ones)."""
    for name in ("BST", "CST"):
        layout = EDITIONS["2023A"].messages[name]
        older = {field.name for field in EDITIONS["2015"].messages[name].available()}
        track = session.track(name)
        for field in layout.available():
            if field.name not in older and len(track) and ((track.counts(field) == 1) & (track.lengths >= 4)).any():
                yield Vote("2023A", f"{name} flag {field.name.replace('_', ' ')}")


def _brm(session: Excerpt) -> BRM | None:
    message = session.track("BRM").message(-1)
    return message if isinstance(message, BRM) else None


def _is_supercharge(session: Excerpt) -> bool:
    brm = _brm(session)
    return brm is not None and brm.version == SUPERCHARGE_VERSION


def version(number: int) -> str:
    """A protocol version in words."""
    return VERSIONS.get(number) or f"version {number.to_bytes(3, 'little').hex(' ').upper()}"
