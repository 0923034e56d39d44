"""A third node on the bus that speaks out of turn."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from firmware_model.clock import Story
from firmware_model.faults.place import Inject, Injecting, Lift
from firmware_model.faults.rig import Rig
from firmware_model.faults.selector import Selector, is_long, sender_of
from firmware_model.wires.can_port import Port
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.messages import CHARGER
from protocols.j1939 import control

Timed = Sequence[tuple[int, Frame]]
"""Frames with the pause (µs) before each."""
LONG_PRIORITY = 7
"""Of transfers in packets (SAE J1939-21)."""
PACKET_US = 10_000


def extra_sender(rig: Rig, layout: type[Message]) -> Inject:
    """Another node sends the message in its own period, all bytes *byte*."""

    def make(injecting: Injecting) -> Timed:
        assert layout.pgn is not None
        vehicle = rig.vehicle_address
        own, peer = (CHARGER, vehicle) if sender_of(layout.title) == "pile" else (vehicle, CHARGER)
        data = bytes([int(injecting["byte"])]) * (layout.length or 0)
        if not is_long(layout):
            return [(0, Frame(layout.priority << 26 | layout.pgn << 8 | peer << 8 | own, data))]
        request = control.cm_id(priority=LONG_PRIORITY, destination=peer, source=own)
        packet = control.dt_id(priority=LONG_PRIORITY, destination=peer, source=own)
        chunks = [data[at : at + 7] for at in range(0, min(len(data), 255 * 7), 7)]
        return [
            (0, Frame(request, control.rts(layout.pgn, size=len(data)))),
            *((PACKET_US, Frame(packet, control.dt(chunk, number))) for number, chunk in enumerate(chunks, start=1)),
        ]

    return _intrude(rig, make)


def replay(rig: Rig, layout: type[Message]) -> Inject:
    """Another node sends again what was sent *back_s* before the fault began: the last message, or the last whole transfer."""

    def make(injecting: Injecting) -> Timed:
        selector, before = Selector(layout), injecting.now - round(injecting["back_s"] * 1e6)
        sent: list[tuple[int, Frame]] = []
        for at, frame in rig.trace.log():
            if at > before:
                break
            offset = selector(frame)
            if offset is None:
                continue
            if not is_long(layout) or (frame.data[0] == 0x10 and frame.can_id >> 16 & 0xFF == 0xEC):
                sent = []
            sent.append((at, frame))
        pauses = [0, *(later[0] - earlier[0] for earlier, later in pairwise(sent))]
        return [(pause, frame) for pause, (_, frame) in zip(pauses, sent, strict=False)]

    return _intrude(rig, make)


def _intrude(rig: Rig, make: Callable[[Injecting], Timed]) -> Inject:
    """Send what *make* makes, every *period_s*, from a node that is on the bus while the fault lasts."""

    def inject(injecting: Injecting) -> Lift:
        frames, port = make(injecting), rig.intrude()
        running = True

        def tell() -> Story:
            while running:
                for pause_us, frame in frames:
                    yield rig.clock.env.timeout(pause_us)
                    if running:
                        _send(port, frame, int(rig.clock.env.now), injecting)
                yield rig.clock.env.timeout(round(injecting["period_s"] * 1e6))

        def lift(now: int) -> None:
            nonlocal running
            running = False
            port.detach(now)

        rig.clock.tell(tell())
        return lift

    return inject


def _send(port: Port, frame: Frame, now: int, injecting: Injecting) -> None:
    if port.room and port.send(frame, now):
        injecting.touched(now)
