"""The messages of one name in a recording as columns: positions, times, bytes, and any declared field as an array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from protocols.core.errors import DecodeError
from protocols.core.fields import Field
from protocols.core.message import Message

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
WINDOW = 8
"""A field is cut out of this many bytes; no field here is wider than 56 bits."""


@dataclass(frozen=True, eq=False)
class Track:
    """Every message of one name, in the order of the recording.

    *began* and *at* are the positions of its first and last frame in the recording, equal for a single frame; *clock* has the
    time of every position. *raw* is one row of bytes each, filled up to the longest.
    """

    layout: type[Message]
    began: Ints
    at: Ints
    raw: NDArray[np.uint8]
    lengths: Ints
    clock: Ints

    def __len__(self) -> int:
        return len(self.at)

    @property
    def name(self) -> str:
        """The standard's name of the message."""
        return self.layout.title

    @cached_property
    def times_us(self) -> Ints:
        """When each message was complete."""
        return self.clock[self.at]

    @cached_property
    def began_us(self) -> Ints:
        """When the first frame of each message came."""
        return self.clock[self.began]

    def part(self, begin: int, end: int) -> Self:
        """The messages completed at the positions *begin* <= p < *end*."""
        low, high = np.searchsorted(self.at, (begin, end))
        return self.chosen(slice(low, high))

    def chosen(self, which: slice | NDArray[np.bool_]) -> Self:
        """Some of the messages."""
        began, at, raw, lengths = self.began[which], self.at[which], self.raw[which], self.lengths[which]
        return replace(self, began=began, at=at, raw=raw, lengths=lengths)

    def starting_with(self, byte: int) -> Self:
        """The messages whose first byte is *byte*."""
        return self.chosen((self.raw[:, 0] == byte) & (self.lengths > 0) if self.raw.shape[1] else np.zeros(len(self), bool))

    def payload(self, index: int) -> bytes:
        """The bytes of one message."""
        return self.raw[index, : self.lengths[index]].tobytes()

    def payloads(self) -> Iterator[bytes]:
        """The bytes of each message."""
        width, data = self.raw.shape[1], self.raw.tobytes()
        for index, length in enumerate(self.lengths.tolist()):
            yield data[width * index : width * index + length]

    def message(self, index: int) -> Message | None:
        """One message decoded; None if it is too short to be one."""
        if not -len(self) <= index < len(self):
            return None
        try:
            return self.layout.decode(self.payload(index))
        except DecodeError:
            return None

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which messages are long enough to be decoded."""
        return self.lengths >= self.layout.shortest

    def counts(self, field: Field) -> Ints:
        """The raw values of *field*; meaningless where `has` says that it did not arrive."""
        first = field.start // 8
        window = np.full((len(self), WINDOW), 0xFF, dtype=np.uint8)
        piece = self.raw[:, first : first + WINDOW]
        window[:, : piece.shape[1]] = piece
        words = window.view("<u8").ravel() >> np.uint64(field.start % 8)
        return (words & np.uint64(field.ones)).astype(np.int64)

    def has(self, field: Field) -> NDArray[np.bool_]:
        """Which messages were long enough to hold *field*."""
        return self.readable & (8 * self.lengths >= field.start + field.bits)

    def column(self, name: str) -> Floats:
        """The values of the field *name*, as `Message.decode` gives them; NaN where there is none."""
        return self._columns[name] if name in self._columns else self._computed(name)

    def _computed(self, name: str) -> Floats:
        field = next(field for field in self.layout.fields if field.name == name)
        counts = self.counts(field)
        steps, offset = field.steps, round(field.offset * field.steps)
        values = ((counts if field.lsb > 0 else -counts) + offset) / steps
        absent = ~self.has(field)
        if field.optional:
            absent |= counts == field.ones
        if field.absent:
            absent |= True
        values[absent] = np.nan
        self._columns[name] = values
        return values

    @cached_property
    def _columns(self) -> dict[str, Floats]:
        return {}


def numbers(layout: type[Message]) -> Sequence[Field]:
    """The fields of *layout* that are numbers."""
    return [field for field in layout.available() if not field.is_text and field.group is None]


def empty(layout: type[Message], clock: Ints) -> Track:
    """A track without messages."""
    none = np.zeros(0, dtype=np.int64)
    return Track(layout, none, none, np.zeros((0, 8), dtype=np.uint8), none, clock)
