"""Run in the guest: our transport protocol on a raw CAN socket against the kernel's own J1939 stack, both ways.

Prints one line of JSON for each size: what each direction's receiver got.
"""

import json
import socket
import struct
import sys
import time

from protocols.core.frame import Frame
from protocols.j1939.habits import TransportHabits
from protocols.j1939.reports import Aborted, Received, Sent, TransferTimedOut
from protocols.j1939.transport import Transport

OURS, KERNELS, PGN = 0x56, 0xF4, 0x0200
SIZES = (9, 14, 15, 49, 256, 1784, 1785)
FORMAT = struct.Struct("=IB3x8s")
LIMIT_S = 10.0
CARDS = sys.argv[1:] or ["vcan0"]
"""Ours and the kernel's; one name: both on the same."""
# An emulated card has room for five frames and a bus that takes no time: whoever sends a longer burst loses some of it.
HABITS = TransportHabits(first_us=0, gap_us=2_000, grant_packets=4) if len(CARDS) > 1 else TransportHabits(first_us=0, gap_us=0)


class Peer:
    """Our session on a raw socket, in real time."""

    def __init__(self):
        self.raw = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        self.raw.bind((CARDS[0],))
        self.session = Transport(OURS, habits=HABITS)

    def until(self, done):
        """Exchange frames until *done* says that an event is the last one; that event."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            now = time.monotonic_ns() // 1000
            self.session.tick(now)
            for frame in self.session.frames():
                self.raw.send(FORMAT.pack(frame.can_id | socket.CAN_EFF_FLAG, len(frame.data), frame.data.ljust(8, b"\0")))
            for event in self.session.events():
                if done(event):
                    return event
            due = self.session.deadline
            self.raw.settimeout(0.05 if due is None else max(1e-6, min(0.05, (due - now) / 1e6)))
            try:
                can_id, length, data = FORMAT.unpack(self.raw.recv(16))
            except TimeoutError:
                continue
            self.session.receive(Frame(can_id & socket.CAN_EFF_MASK, data[:length]), time.monotonic_ns() // 1000)
        raise SystemExit("no end within 10 s")


def kernel_socket():
    """A J1939 socket of the kernel with address KERNELS."""
    found = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939)
    found.bind((CARDS[-1], socket.J1939_NO_NAME, socket.J1939_NO_PGN, KERNELS))
    found.settimeout(LIMIT_S)
    return found


def main():
    peer, kernel = Peer(), kernel_socket()
    for size in SIZES:
        payload = bytes(i * 7 % 256 for i in range(size))
        peer.session.send(PGN, payload, KERNELS, time.monotonic_ns() // 1000)
        sent = peer.until(lambda event: isinstance(event, Sent | Aborted | TransferTimedOut))
        by_kernel = kernel.recv(2000)
        kernel.setblocking(False)
        kernel.sendto(payload[::-1], (CARDS[-1], socket.J1939_NO_NAME, PGN, OURS))
        kernel.settimeout(LIMIT_S)
        by_us = peer.until(lambda event: isinstance(event, Received))
        told = {
            "size": size,
            "sent": isinstance(sent, Sent),
            "by_kernel": by_kernel == payload,
            "by_us": by_us.payload == payload[::-1],
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
