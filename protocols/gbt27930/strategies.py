"""Hypothesis strategies for whole editions: messages, the frames that carry them, and traffic nobody would send."""

from collections.abc import Iterable
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from protocols.core import strategies as core
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.messages import BMS, CHARGER, FROM_BMS, FROM_BOTH, FROM_CHARGER
from protocols.j1939 import control
from protocols.j1939.identifier import join

SENT_BY: Final = {CHARGER: FROM_CHARGER + FROM_BOTH, BMS: FROM_BMS + FROM_BOTH}
PEER: Final = {CHARGER: BMS, BMS: CHARGER}
TRANSPORT_PRIORITY: Final = 7
USUAL_GAPS_US: Final = (0, 1_000, 10_000, 50_000, 250_000)


def layouts(edition: Edition, *, source: int | None = None) -> list[type[Message]]:
    """The messages of *edition* that the node *source* sends; None: all."""
    senders = SENT_BY.values() if source is None else (SENT_BY[source],)
    titles = dict.fromkeys(message.title for sent in senders for message in sent)
    return [edition.messages[title] for title in titles if title in edition.messages]


def messages(edition: Edition, *, source: int | None = None) -> SearchStrategy[Message]:
    """Any message of *edition* that the wire can carry, sensible or not."""
    return st.one_of([core.messages(layout) for layout in layouts(edition, source=source)])


def valid_messages(edition: Edition, *, source: int | None = None) -> SearchStrategy[Message]:
    """Any message of *edition* within the ranges that the standard declares."""
    return st.one_of([core.valid_messages(layout) for layout in layouts(edition, source=source)])


def as_frames(message: Message, *, source: int) -> list[Frame]:
    """*message* as the node *source* sends it; a long one as request and packets, as if each were granted."""
    data, peer = message.encode(), PEER[source]
    if len(data) < control.SIZE_MIN:
        return [Frame(_id(type(message), source), data)]
    assert message.pgn is not None
    request = Frame(_cm_id(source), control.rts(message.pgn, size=len(data)))
    packet_id = control.dt_id(priority=TRANSPORT_PRIORITY, destination=peer, source=source)
    return [request, *(Frame(packet_id, control.dt(data, n + 1)) for n in range(control.packets_of(len(data))))]


def frames(edition: Edition, *, source: int) -> SearchStrategy[list[Frame]]:
    """Any message of *edition* as the frames that the node *source* sends for it."""
    return messages(edition, source=source).map(lambda message: as_frames(message, source=source))


def own_frames(edition: Edition, *, source: int) -> SearchStrategy[Frame]:
    """One frame with an identifier that *source* uses, transport included, and any bytes: the nearest kind of nonsense."""
    peer = PEER[source]
    ids = [_id(layout, source) for layout in layouts(edition, source=source)]
    transport = [_cm_id(source), control.dt_id(priority=TRANSPORT_PRIORITY, destination=peer, source=source)]
    return st.builds(Frame, st.sampled_from(ids + transport), st.binary(max_size=8), st.just(True))


def transport_frames(edition: Edition, *, source: int) -> SearchStrategy[Frame]:
    """One well-formed TP.CM frame of *source* about a group of *edition*: any control byte, counts and sizes."""
    pgns = st.sampled_from(sorted(edition.by_pgn))
    control_bytes = st.sampled_from((control.RTS, control.CTS, control.EOMA, control.BAM, control.ABORT))
    data = st.builds(
        lambda kind, counts, pgn: bytes((kind,)) + counts + pgn.to_bytes(3, "little"),
        control_bytes,
        st.binary(min_size=4, max_size=4),
        pgns,
    )
    return data.map(lambda data: Frame(_cm_id(source), data))


def foreign_frames() -> SearchStrategy[Frame]:
    """One frame of any identifier of either format and any bytes."""
    extended = st.builds(Frame, st.integers(0, (1 << 29) - 1), st.binary(max_size=8), st.just(True))
    standard = st.builds(Frame, st.integers(0, (1 << 11) - 1), st.binary(max_size=8), st.just(False))
    return extended | standard


def traffic(edition: Edition, *, source: int, gap_us: int = 2_000_000) -> SearchStrategy[list[tuple[int, Frame]]]:
    """What a session must survive from the node *source*: (time since the frame before in µs, frame), in any mixture.

    Whole messages, broken ones, transport frames out of order and foreign frames; gaps up to *gap_us*, often those that the
    transport works with. The frames of one message keep one gap.
    """
    bursts = st.one_of(
        frames(edition, source=source),
        own_frames(edition, source=source).map(_alone),
        transport_frames(edition, source=source).map(_alone),
        foreign_frames().map(_alone),
    )
    gaps = st.sampled_from([gap for gap in USUAL_GAPS_US if gap <= gap_us]) | st.integers(0, gap_us)
    return st.lists(st.tuples(gaps, bursts), max_size=20).map(_spaced)


def _alone(frame: Frame) -> list[Frame]:
    return [frame]


def _spaced(bursts: Iterable[tuple[int, list[Frame]]]) -> list[tuple[int, Frame]]:
    return [(gap, frame) for gap, burst in bursts for frame in burst]


def _id(layout: type[Message], source: int) -> int:
    assert layout.pgn is not None
    return join(layout.pgn, priority=layout.priority, destination=PEER[source], source=source)


def _cm_id(source: int) -> int:
    return control.cm_id(priority=TRANSPORT_PRIORITY, destination=PEER[source], source=source)
