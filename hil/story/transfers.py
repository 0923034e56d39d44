"""The long messages of a recording: put together by the transport protocol's listener, regular ones all at once.

A third of all frames of a charge belong to transfers of BCS, nearly all of them complete and in order. These are recognised by
array arithmetic; only the others go through `Listener`, frame by frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hil.links.recording import Recording
from hil.story.tracks import Ints
from protocols.core.frame import Frame
from protocols.gbt27930.messages import CHARGER
from protocols.j1939.control import ABORT, CM_PGN, CTS, EOMA, PER_PACKET, RTS
from protocols.j1939.listener import Listener
from protocols.j1939.watched import Transfer

Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Heard:
    """Transfers as positions: those whole and regular as arrays by parameter group, the others one by one.

    In *others* the stamps of a `Transfer` are positions in the recording.
    """

    regular: dict[int, tuple[Ints, Ints, Sequence[bytes]]]
    """Parameter group -> positions of the RTS, positions of the last packet, payloads.

    A message has arrived with its last packet: the acknowledgement has a low priority and may come after the answer to it.
    """
    others: tuple[Transfer, ...]
    packets: Ints
    """Positions of all TP.DT frames."""
    control: dict[int, Ints]
    """Positions of the TP.CM frames between charger and BMS by control byte."""


def hear(recording: Recording, positions: Ints) -> Heard:
    """Follow the transfers in the TP frames at *positions*, all between charger and BMS."""
    ids = recording.ids[positions].astype(np.int64)
    words = recording.payloads[positions].astype(np.uint64)
    is_control = (ids >> 16 & 0xFF) == CM_PGN >> 8
    first_byte = (words & np.uint64(0xFF)).astype(np.int64)
    whole = recording.lengths[positions] == 8
    kinds = {kind: positions[is_control & whole & (first_byte == kind)] for kind in (RTS, CTS, EOMA, ABORT)}
    starts, packets = _regular(ids, words, is_control & whole, whole & ~is_control)
    regular = _payloads(words, positions, starts, packets)
    rest = np.ones(len(positions), dtype=bool)
    for start, count in zip(starts.tolist(), packets.tolist(), strict=True):
        rest[start : start + count + 3] = False
    return Heard(regular, tuple(_followed(recording, positions[rest])), positions[~is_control], kinds)


def _regular(ids: Ints, words: Words, control_frames: NDArray[np.bool_], data: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Where, in the stream of TP frames, a whole transfer lies without a gap; and its number of packets.

    A transfer counts only if another one comes right before it, or nothing: so the listener, which gets all the rest, sees the
    end of whatever went wrong.
    """
    by_bms = (ids & 0xFF) != CHARGER
    kind = words & np.uint64(0xFF)
    pgn = words >> np.uint64(40)
    size = (words >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)
    count = (words >> np.uint64(24) & np.uint64(0xFF)).astype(np.int64)
    total = len(ids)
    is_rts = control_frames & by_bms & (kind == RTS) & (count == -(-size // PER_PACKET)) & (count > 1)
    starts = np.flatnonzero(is_rts)
    starts = starts[starts + count[starts] + 2 < total]
    packets, end = count[starts], starts + count[starts] + 2
    grant, last = starts + 1, end
    good = control_frames[grant] & ~by_bms[grant] & (pgn[grant] == pgn[starts])
    good &= (words[grant] & np.uint64(0xFF00FF)) == np.uint64(1 << 16 | CTS)
    good &= (words[grant] >> np.uint64(8) & np.uint64(0xFF)).astype(np.int64) == packets
    good &= control_frames[last] & ~by_bms[last] & (pgn[last] == pgn[starts]) & (kind[last] == EOMA)
    good &= (size[last] == size[starts]) & (count[last] == packets)
    in_order = np.concatenate([[0], np.cumsum(data & by_bms)])
    good &= in_order[end] - in_order[starts] == packets
    for index in range(1, int(packets.max(initial=0)) + 1):
        at = np.minimum(starts + 1 + index, total - 1)
        good &= (index > packets) | (kind[at] == index)
    starts, packets, end = starts[good], packets[good], end[good]
    clean = (starts == 0) | np.isin(starts - 1, end)
    return starts[clean], packets[clean]


def _payloads(words: Words, positions: Ints, starts: Ints, packets: Ints) -> dict[int, tuple[Ints, Ints, Sequence[bytes]]]:
    found: dict[int, tuple[Ints, Ints, Sequence[bytes]]] = {}
    pgns = (words[starts] >> np.uint64(40)).astype(np.int64)
    sizes = (words[starts] >> np.uint64(8) & np.uint64(0xFFFF)).astype(np.int64)
    rows = words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, 1:]
    for pgn in np.unique(pgns).tolist():
        mine = pgns == pgn
        begins = starts[mine]
        payloads = [
            rows[start + 2 : start + 2 + count].tobytes()[:size]
            for start, count, size in zip(begins.tolist(), packets[mine].tolist(), sizes[mine].tolist(), strict=True)
        ]
        found[pgn] = positions[begins], positions[begins + packets[mine] + 1], payloads
    return found


def _followed(recording: Recording, positions: Ints) -> Iterator[Transfer]:
    listener = Listener()
    keys, lengths, payloads = recording.ids[positions], recording.lengths[positions], recording.payloads[positions]
    for at, can_id, length, word in zip(positions.tolist(), keys.tolist(), lengths.tolist(), payloads.tolist(), strict=True):
        listener.receive(Frame(can_id, word.to_bytes(8, "little")[:length]), at)
    listener.finish()
    yield from listener.events()
