"""Putting a payload together from its packets, in whatever order they come."""

from protocols.j1939.control import CM_BYTES, PER_PACKET, packets_of
from protocols.j1939.reports import Irregularity


class Assembly:
    """The packets of one transfer of *size* bytes, by number. The first packet of a number wins."""

    __slots__ = ("_parts", "first_missing", "packets", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.packets = packets_of(size)
        self.first_missing = 1
        """The lowest packet number that is not here; `packets` + 1 when all are."""
        # Place 0 is unused; the place behind the last packet stays None and stops the search for the first hole.
        self._parts: list[bytes | None] = [None] * (self.packets + 2)

    @property
    def whole(self) -> bool:
        """Whether every packet is here."""
        return self.first_missing > self.packets

    def has(self, sequence: int) -> bool:
        """Whether packet *sequence* (1..packets) is here."""
        return self._parts[sequence] is not None

    def put(self, data: bytes, allowed: int) -> Irregularity | None:
        """Keep the TP.DT bytes *data* if their number is 1..*allowed* and new; say why not otherwise.

        A last packet that is not filled up to 8 bytes is kept, since it has all it must carry.
        """
        sequence = data[0] if data else 0
        if len(data) != CM_BYTES and not self._enough(sequence, data):
            return Irregularity.SHORT_DATA
        if not 0 < sequence <= allowed:
            return Irregularity.UNGRANTED if 0 < sequence <= self.packets else Irregularity.OUTSIDE
        parts = self._parts
        if parts[sequence] is not None:
            return Irregularity.REPEATED
        parts[sequence] = data
        if sequence == self.first_missing:
            sequence += 1
            while parts[sequence] is not None:
                sequence += 1
            self.first_missing = sequence
        return None

    def run(self, fresh: int) -> int:
        """How many packets in a row are missing from `first_missing` on, where none from number *fresh* on is here."""
        end = self.first_missing
        while end < fresh and self._parts[end] is None:
            end += 1
        return (end if end < fresh else self.packets + 1) - self.first_missing

    def payload(self) -> bytes:
        """The payload; only to be asked for when it is whole."""
        return b"".join([part[1:] for part in self._parts if part is not None])[: self.size]

    def _enough(self, sequence: int, data: bytes) -> bool:
        tail = self.size - PER_PACKET * (self.packets - 1)
        return sequence == self.packets and tail < len(data) < CM_BYTES
