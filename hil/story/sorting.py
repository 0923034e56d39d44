"""A recording sorted into the tracks of its messages, and what is left over."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hil.links.recording import EXTENDED, Recording
from hil.story.tracks import Ints, Track, empty
from hil.story.transfers import Heard, hear
from hil.story.voices import CHARGERS, TITLES, voice_of
from protocols.core.message import Message
from protocols.gbt27930.editions import EDITIONS, Edition
from protocols.gbt27930.messages import BMS_TOO
from protocols.j1939.watched import Transfer


@dataclass(frozen=True, eq=False)
class Sorted:
    """Everything said between charger and BMS in one recording."""

    clock: Ints
    """The time of every position (µs since the least stamp)."""
    tracks: Mapping[str, Track]
    heard: Heard
    charger_at: Ints
    """The positions of all single frames of the charger, and in *charger_said* their messages as indices into *names*."""
    charger_said: Ints
    names: Sequence[str]
    faults: Mapping[str, tuple[int, int, str, int]]
    """Identifier in hexadecimal -> first position, count, what is wrong with it, source."""
    second_address: Mapping[int, tuple[int, int]]
    """Key of an identifier of a vehicle at its second address -> first position, count."""
    strangers: Mapping[int, tuple[int, int]]
    """Key of an identifier that is no part of the protocol -> first position, count."""
    ids: Mapping[int, int]
    """Frames by key."""


def text_of(key: int) -> str:
    """An identifier as people write it: eight digits in the 29-bit format."""
    return f"{key & ~EXTENDED:08X}" if key & EXTENDED else f"{key:X}"


def sort(recording: Recording, edition: Edition) -> Sorted:
    """Sort *recording*; the tracks get the layouts of *edition*."""
    clock = recording.times_us - recording.times_us.min(initial=np.iinfo(np.int64).max) if len(recording) else recording.times_us
    keys, inverse, counts = np.unique(recording.keys, return_inverse=True, return_counts=True)
    order = np.argsort(inverse.ravel(), kind="stable").astype(np.int64)
    groups = np.split(order, np.cumsum(counts)[:-1]) if len(keys) else []
    places: dict[str, list[Ints]] = {}
    faults: dict[str, tuple[int, int, str, int]] = {}
    second_address: dict[int, tuple[int, int]] = {}
    strangers = {}
    for key, group in zip(keys.tolist(), groups, strict=True):
        voice = voice_of(key)
        if voice is None:
            strangers[key] = int(group[0]), len(group)
            continue
        places.setdefault(voice.name, []).append(group)
        if voice.source == BMS_TOO:
            second_address[key] = int(group[0]), len(group)
        if voice.fault:
            faults[text_of(key)] = int(group[0]), len(group), f"{voice.name} {voice.fault}", voice.source
    merged = {name: np.sort(np.concatenate(groups)) if len(groups) > 1 else groups[0] for name, groups in places.items()}
    heard = hear(recording, merged.pop("TP", np.zeros(0, dtype=np.int64)))
    tracks = dict(_tracks(recording, merged, heard, edition, clock))
    names = sorted(CHARGERS & merged.keys())
    charger_at = np.concatenate([merged[name] for name in names] or [np.zeros(0, dtype=np.int64)])
    said = np.concatenate([np.full(len(merged[n]), i, dtype=np.int64) for i, n in enumerate(names)] or [charger_at])
    by_time = np.argsort(charger_at, kind="stable")
    ids = dict(zip(keys.tolist(), counts.tolist(), strict=True))
    return Sorted(clock, tracks, heard, charger_at[by_time], said[by_time], names, faults, second_address, strangers, ids)


def _tracks(
    recording: Recording, places: Mapping[str, Ints], heard: Heard, edition: Edition, clock: Ints
) -> Iterator[tuple[str, Track]]:
    for name, layout in {**_widest(edition), **edition.messages}.items():
        singles = _single(recording, places[name], layout, clock) if name in places else empty(layout, clock)
        longs = list(_long(heard, layout))
        yield name, _joined(singles, longs) if longs else singles


def _widest(edition: Edition) -> dict[str, type[Message]]:
    """Messages that *edition* lacks are told of all the same if they come."""
    return dict(EDITIONS["2015"].messages) if edition.name != "2015" else {}


def _single(recording: Recording, at: Ints, layout: type[Message], clock: Ints) -> Track:
    raw = recording.payloads[at].astype("<u8").view(np.uint8).reshape(-1, 8)
    return Track(layout, at, at, raw, recording.lengths[at].astype(np.int64), clock)


def _long(heard: Heard, layout: type[Message]) -> Iterator[tuple[int, int, bytes]]:
    """Position of the first and the last frame and the bytes of every whole long message."""
    assert layout.pgn is not None
    if layout.pgn in heard.regular:
        began, ended, payloads = heard.regular[layout.pgn]
        yield from zip(began.tolist(), ended.tolist(), payloads, strict=True)
    for transfer in heard.others:
        if transfer.pgn == layout.pgn and transfer.payload is not None and _from_sender(transfer, layout):
            yield transfer.began_us, last_packet(heard, transfer), transfer.payload


def last_packet(heard: Heard, transfer: Transfer) -> int:
    """The position of the last packet of *transfer*, as good as its last frame tells."""
    index = int(np.searchsorted(heard.packets, transfer.ended_us, side="right")) - 1
    return max(int(heard.packets[index]), transfer.began_us) if index >= 0 else transfer.ended_us


def _from_sender(transfer: Transfer, layout: type[Message]) -> bool:
    return TITLES.get(transfer.source, {}).get(layout.pgn) == layout.title


def _joined(singles: Track, longs: Sequence[tuple[int, int, bytes]]) -> Track:
    rows = [*zip(singles.began.tolist(), singles.at.tolist(), singles.payloads(), strict=True), *longs]
    rows.sort(key=lambda row: row[1])
    began, at, payloads = zip(*rows, strict=True)
    lengths = np.fromiter(map(len, payloads), dtype=np.int64, count=len(payloads))
    width = max(8, int(lengths.max()))
    packed = b"".join([payload.ljust(width, b"\xff") for payload in payloads])
    raw = np.frombuffer(packed, dtype=np.uint8).reshape(-1, width)
    columns = np.array(began, dtype=np.int64), np.array(at, dtype=np.int64)
    return Track(singles.layout, *columns, raw, lengths, singles.clock)
