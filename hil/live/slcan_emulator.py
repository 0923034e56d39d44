"""Adapters that are not there: LAWICEL (SLCAN) devices on pseudo terminals, joined into one CAN segment.

A program that opens one of `Segment.channels` as a serial port finds an adapter: it answers the commands of the LAWICEL protocol
that python-can and slcand send, and what one sends the others get. A frame takes its time on the wire (exact length in bits),
one at a time; nobody arbitrates, frames go in the order they come.
"""

import os
import select
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from firmware_model.wires.can_frame import frame_bits
from hil.live.emulated import mark
from protocols.core.frame import Frame, valid

OK, BELL = b"\r", b"\a"
BITRATES: Final = (10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000)
"""What S0 to S8 mean (bit/s)."""
VERSION, SERIAL_NUMBER = b"V1013\r", b"NPILE\r"


class Device:
    """One adapter: a pty whose far end is a serial port to others."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        for end in (self.master, self._slave):
            tty.setraw(end)
        os.set_blocking(self.master, False)
        self.channel = os.ttyname(self._slave)
        """What to open."""
        self._mark = mark(self.channel)
        self.open = self.listens_only = False
        self.bitrate = 250_000
        self.flags: int | None = 0
        """Status flags (LAWICEL command F), told once and then cleared; None: the adapter does not know the command."""
        self.refused = 0
        """Frames that the host wanted to send while the channel was closed or listening only."""
        self.sent: list[Frame] = []
        """Frames that the host sent."""
        self._pending = b""

    def close(self) -> None:
        """Pull the adapter out."""
        for end in (self.master, self._slave):
            os.close(end)
        self._mark.close()

    def commands(self) -> list[Frame]:
        """Obey what the host has written; the frames it sends."""
        try:
            self._pending += os.read(self.master, 1 << 16)
        except BlockingIOError:
            return []
        *lines, self._pending = self._pending.split(b"\r")
        frames = [frame for line in lines if (frame := self._obey(line)) is not None]
        self.sent += frames
        return frames

    def deliver(self, frame: Frame) -> None:
        """Pass *frame* on to the host."""
        if self.open:
            self._say(
                f"{'T' if frame.extended else 't'}{frame.can_id:0{8 if frame.extended else 3}X}{len(frame.data)}".encode()
                + frame.data.hex().upper().encode()
                + OK
            )

    def _say(self, answer: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads; a real adapter's buffer overflows as well
            os.write(self.master, answer)

    def _obey(self, line: bytes) -> Frame | None:
        word = line[:1]
        if word in (b"T", b"t"):
            return self._transmit(line)
        if word in (b"O", b"L"):
            self.open, self.listens_only = True, word == b"L"
        elif word == b"C":
            self.open = False
        elif word == b"S" and line[1:].isdigit() and int(line[1:]) < len(BITRATES) and not self.open:
            self.bitrate = BITRATES[int(line[1:])]
        elif word in (b"V", b"N"):
            self._say(VERSION if word == b"V" else SERIAL_NUMBER)
            return None
        elif word == b"F" and self.open and self.flags is not None:
            flags, self.flags = self.flags, 0
            self._say(b"F%02X\r" % flags)
            return None
        elif word:
            self._say(BELL)
            return None
        self._say(OK)
        return None

    def _transmit(self, line: bytes) -> Frame | None:
        width = 8 if line[:1] == b"T" else 3
        try:
            frame = Frame(int(line[1 : 1 + width], 16), bytes.fromhex(line[2 + width :].decode()), width == 8)
        except ValueError:
            frame = Frame(-1, b"")
        if not self.open or self.listens_only or not valid(frame):
            self.refused += 1
            self._say(BELL)
            return None
        self._say(b"Z\r" if width == 8 else b"z\r")
        return frame


class Segment:
    """*count* adapters on one wire, served by a thread until `close`. They can be pulled out and put in again meanwhile."""

    def __init__(self, count: int = 2, make: Callable[[], Device] = Device) -> None:
        self.devices = [make() for _ in range(count)]
        self.frames = 0
        self._make = make
        self._out: set[int] = set()
        self._orders: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="slcan emulator", daemon=True)
        self._thread.start()

    @property
    def channels(self) -> list[str]:
        """The serial ports to open."""
        return [device.channel for device in self.devices]

    def pull(self, index: int) -> None:
        """Take adapter *index* out of its port: whoever has it open gets errors."""

        def order() -> None:
            self._out.add(index)
            self.devices[index].close()

        self._do(order)

    def put(self, index: int) -> str:
        """Put adapter *index* in again; its serial port, which has another name."""

        def order() -> None:
            self.devices[index] = self._make()
            self._out.discard(index)

        self._do(order)
        return self.devices[index].channel

    def close(self) -> None:
        """Pull all adapters out."""
        os.write(self._stop_write, b"x")
        self._thread.join()
        for device in self._present():
            device.close()
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _do(self, order: Callable[[], None]) -> None:
        """Let the thread carry out *order*: nobody closes what it waits for."""
        done = threading.Event()
        self._orders.append((order, done))
        os.write(self._stop_write, b"o")
        done.wait()

    def _present(self) -> list[Device]:
        return [device for index, device in enumerate(self.devices) if index not in self._out]

    def _obey(self) -> bool:
        """Carry out what was ordered; whether to go on."""
        if os.read(self._stop_read, 1) == b"x":
            return False
        order, done = self._orders.popleft()
        order()
        done.set()
        return True

    def _serve(self) -> None:
        waiting: deque[tuple[Device, Frame]] = deque()
        free_at = 0.0
        while True:
            masters = {device.master: device for device in self._present()}
            patience = max(0.0, free_at - time.monotonic()) if waiting else None
            ready, _, _ = select.select([*masters, self._stop_read], [], [], patience)
            if self._stop_read in ready:
                if not self._obey():
                    return
                continue
            for end in ready:
                was_idle = not waiting
                waiting.extend((masters[end], frame) for frame in masters[end].commands())
                if was_idle and waiting:
                    free_at = time.monotonic() + self._duration_s(waiting[0][1])
            while waiting and free_at <= time.monotonic():
                sender, frame = waiting.popleft()
                self.frames += 1
                for device in self._present():
                    # An adapter at another bit rate hears errors only.
                    if device is not sender and device.bitrate == sender.bitrate:
                        device.deliver(frame)
                if waiting:
                    free_at += self._duration_s(waiting[0][1])

    def _duration_s(self, frame: Frame) -> float:
        return frame_bits(frame) / self.devices[0].bitrate


def main() -> None:
    """Print the serial ports and serve them until interrupted."""
    segment = Segment()
    print("\n".join(segment.channels), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        segment.close()


if __name__ == "__main__":
    main()
