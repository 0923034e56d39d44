"""A recording sorted by message. Fields are decoded as whole columns, by the declarations of the protocol, when asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hil.links.recording import EXTENDED, Recording
from hil.story.names import CODES, DECLARED, title_of, code_of
from protocols.core.errors import DecodeError
from protocols.core.fields import Field
from protocols.core.message import Message
from protocols.j1939.listener import Listener
from protocols.j1939.watched import Transfer

Indices = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Heard:
    """Every occurrence of one message in a stretch of a recording."""

    title: str
    at: Indices
    """Frame numbers at which it was complete."""
    begun: Indices
    """Frame numbers at which it began: for a transfer the RTS."""
    raw: NDArray[np.uint64]
    """The first eight data bytes, little-endian."""
    lengths: NDArray[np.int64]
    payloads: tuple[bytes, ...] | None = None
    """The data bytes where they are more than eight."""

    def __len__(self) -> int:
        return len(self.at)

    def between(self, begin: int, end: int) -> "Heard":
        """The occurrences complete in frames *begin* to *end* (not included)."""
        low, high = np.searchsorted(self.at, (begin, end)).tolist()
        if low == 0 and high == len(self.at):
            return self
        return self._where(slice(low, high))

    def _where(self, part: Any) -> "Heard":
        payloads = self.payloads[part] if self.payloads is not None else None
        return Heard(self.title, self.at[part], self.begun[part], self.raw[part], self.lengths[part], payloads)

    def saying(self, code: int) -> "Heard":
        """The occurrences whose first byte is *code*: 0x00 or 0xAA in CRM, BRO, CRO."""
        return self._where((self.raw & np.uint64(0xFF)) == code) if self.payloads is None else self

    @property
    def first(self) -> int | None:
        """Frame number of the first occurrence."""
        return int(self.at[0]) if len(self.at) else None

    @property
    def last(self) -> int | None:
        """Frame number of the last occurrence."""
        return int(self.at[-1]) if len(self.at) else None

    def data(self, index: int) -> bytes:
        """The data bytes of occurrence *index*."""
        if self.payloads is not None:
            return self.payloads[index]
        return int(self.raw[index]).to_bytes(8, "little")[: int(self.lengths[index])]

    def decoded(self, layout: type[Message], index: int) -> Message | None:
        """Occurrence *index* as a message; None if it is too short."""
        try:
            return layout.decode(self.data(index))
        except DecodeError:
            return None

    def counts(self) -> dict[str, int]:
        """Distinct data bytes in hex, in order of first occurrence, with how often they came."""
        if self.payloads is not None:
            return _counted(self.payloads)
        pairs = np.stack((self.raw, self.lengths.astype(np.uint64)), axis=1)
        distinct, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
        order = np.argsort(first)
        return {
            int(raw).to_bytes(8, "little")[: int(length)].hex(): int(count)
            for (raw, length), count in zip(distinct[order], counts[order], strict=True)
        }

    def column(self, layout: type[Message], name: str) -> Values:
        """Field *name* of every occurrence that has it, NaN where it has not or says "not available"."""
        index, field = next((i, f) for i, f in enumerate(layout.fields) if f.name == name)
        if self.payloads is not None:
            messages = [self.decoded(layout, i) for i in range(len(self))]
            return np.array([np.nan if g is None or g[index] is None else g[index] for g in messages], dtype=np.float64)
        return physical(field, self.raw, self.lengths)


def physical(field: Field, raw: NDArray[np.uint64], lengths: NDArray[np.int64]) -> Values:
    """The values of *field* in whole frames at once; what is beyond a frame's length or not available is NaN."""
    if field.absent:
        return np.full(len(raw), np.nan)
    counts = (raw >> np.uint64(field.start) & np.uint64(field.ones)).astype(np.int64)
    values = np.asarray(field.physical(counts), dtype=np.float64)  # type: ignore[arg-type]  # its arithmetic works on arrays
    missing = lengths * 8 < field.start + field.bits
    if field.optional:
        missing |= counts == field.ones
    if missing.any():
        values = values.copy()
        values[missing] = np.nan
    return values


def _counted(payloads: Sequence[bytes]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for payload in payloads:
        counts[payload.hex()] = counts.get(payload.hex(), 0) + 1
    return counts


class Traffic:
    """All frames of *recording* by title, and its transport protocol transfers put together."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        keys, inverse, counts = np.unique(recording.keys, return_inverse=True, return_counts=True)
        self.keys: list[int] = keys.tolist()
        self.key_counts: list[int] = counts.tolist()
        self.key_codes = [code_of(key & ~EXTENDED, extended=key >= EXTENDED) for key in self.keys]
        self.codes = np.array(self.key_codes, dtype=np.int8)[inverse] if self.keys else np.zeros(0, np.int8)
        self._heard: dict[str, Heard] = {}

    def __len__(self) -> int:
        return len(self.recording)

    @cached_property
    def times_us(self) -> NDArray[np.int64]:
        """Time of each frame since the earliest (µs)."""
        times = self.recording.times_us
        return times - times.min() if len(times) else times

    @cached_property
    def listener(self) -> Listener:
        """A listener that has heard every transport frame."""
        listener, recording = Listener(), self.recording
        numbers = np.flatnonzero((self.codes == CODES["TP.CM"]) | (self.codes == CODES["TP.DT"]))
        packed = recording.payloads[numbers].astype("<u8").tobytes()
        ids, lengths = recording.ids[numbers].tolist(), recording.lengths[numbers].tolist()
        receive: Any = listener.receive
        for i, number in enumerate(numbers.tolist()):
            # Frame numbers instead of times: they order frames of one stamp. A plain tuple is half as dear as a Frame.
            receive((ids[i], packed[8 * i : 8 * i + lengths[i]], True), number)
        listener.finish()
        return listener

    @cached_property
    def transfers(self) -> Sequence[Transfer]:
        """Every transfer, in order of their ends; their times are frame numbers."""
        return self.listener.events()

    def heard(self, title: str) -> Heard:
        """Every occurrence of the message *title*, single or by transfer."""
        if title not in self._heard:
            self._heard[title] = self._single(title) if title not in self._by_transfer else self._merged(title)
        return self._heard[title]

    @cached_property
    def _by_transfer(self) -> dict[str, list[Transfer]]:
        whole: dict[str, list[Transfer]] = {}
        for transfer in self.transfers:
            if transfer.payload is not None:
                whole.setdefault(title_of(transfer.pgn), []).append(transfer)
        return whole

    def _single(self, title: str) -> Heard:
        recording, at = self.recording, np.flatnonzero(self.codes == CODES.get(title, -9))
        return Heard(title, at, at, recording.payloads[at], recording.lengths[at].astype(np.int64))

    def _merged(self, title: str) -> Heard:
        """Transfers, and whatever came under the message's own identifier, in order."""
        single = self._single(title)
        rows = [(t.ended_us, t.began_us, t.payload or b"") for t in self._by_transfer[title]]
        rows += [(at, at, single.data(i)) for i, at in enumerate(single.at.tolist())]
        rows.sort(key=lambda row: row[0])
        payloads = tuple(row[2] for row in rows)
        raw = np.frombuffer(b"".join(payload[:8].ljust(8, b"\0") for payload in payloads), dtype="<u8")
        at, begun = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
        return Heard(title, at, begun, raw, np.array([len(p) for p in payloads], dtype=np.int64), payloads)

    def titles(self) -> Iterator[str]:
        """The messages that occur."""
        present = set(self.key_codes)
        return (t for t in DECLARED if CODES[t] in present or t in self._by_transfer)
