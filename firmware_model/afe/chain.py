"""A daisy chain of chips as its master has it: one exchange of bytes per chip-select frame.

The chips sit one behind the other; the first is the nearest. A frame reaches a chip if all before it are awake and the chain is
whole up to there; a chip that sleeps or idles is woken by the frame, loses it, and wakes the next one when it is ready itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from firmware_model.afe.device import Device
from firmware_model.afe.line_noise import LineNoise, spoiled
from protocols.core.errors import DecodeError
from protocols.ltc681x.commands import Heard, Kind, decode
from protocols.ltc681x.pec import intact

BLOCK: Final = 8
"""Bytes a chip in a read or write: six and their PEC."""
HEAD: Final = 4
CLOCKS: Final = 9
"""Bytes that have to follow STCOMM and STSCTRL: 72 clocks."""
IDLE: Final = b"\xff" * BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Of the line and its chips (µs)."""

    byte_us: int = 8
    """1 MHz."""
    ready_us: int = 10
    """An idle port takes so long to take part again, at most."""
    wake_us: int = 300
    """A sleeping chip does."""
    idle_us: int = 5_500
    """Without activity a port idles (4.3 to 6.7 ms)."""
    sleep_us: int = 2_000_000
    """Without a command that is meant, a chip sleeps (1.8 to 2.2 s) and forgets."""

    def __post_init__(self) -> None:
        for name in ("byte_us", "ready_us", "wake_us", "idle_us", "sleep_us"):
            value = getattr(self, name)
            if not 1 <= value <= 10_000_000:
                raise ValueError(f"Timing.{name} = {value} µs: 1..10000000")


@dataclass(slots=True)
class _Port:
    """How awake a chip is."""

    ready_us: int | None = None
    """When it is awake; None: it sleeps."""
    active_us: int = 0
    """The last activity that it saw."""


@lru_cache(maxsize=4096)
def _heard(head: bytes) -> Heard | None:
    """The command in *head*, or None if a chip would ignore it."""
    try:
        return decode(head)
    except DecodeError:
        return None


class Chain:
    """*devices*, the nearest first. Faults may be set at any time: *broken_after* chips the chain ends; the chips in *garbled*
    have one bit of every answer's PEC wrong; *noise* turns bits over, both ways.
    """

    def __init__(self, devices: Sequence[Device], *, timing: Timing | None = None) -> None:
        if not devices:
            raise ValueError("devices: at least one")
        self.devices = tuple(devices)
        self.timing = timing or Timing()
        self.broken_after: int | None = None
        self.garbled: set[int] = set()
        self.noise: LineNoise | None = None
        self._ports = [_Port() for _ in devices]

    @property
    def deadline(self) -> int | None:
        """The next moment at which a chip samples or finishes; call `settle` then, if what it measures moves."""
        return min((due for device in self.devices if (due := device.deadline) is not None), default=None)

    def settle(self, now: int) -> None:
        """Let every chip do what is due up to *now*."""
        for device in self.devices:
            device.settle(now)

    def transfer(self, tx: bytes, now: int) -> bytes:
        """What comes back while *tx* is clocked out in one frame that begins at *now* (µs): as many bytes. A read is answered as
        of the end of its command, everything else takes effect at the end of the frame. An unreachable chip answers ones, and
        one that hears a wrong PEC says nothing and does nothing.
        """
        reached = self._reach(now)
        if self.noise is not None and reached:
            return self._disturbed(tx, now, reached, self.noise)
        return self._obeyed(tx, now, reached)

    def _disturbed(self, tx: bytes, now: int, reached: Sequence[Device], noise: LineNoise) -> bytes:
        """The same over a noisy line. Chips behind a wrong bit in the command do not hear it; one in a block, either way,
        counts if it turned over between its chip and the master.
        """
        down = noise.flips(len(reached), len(tx))
        hearing = min((flip.hop for flip in down if flip.place < HEAD), default=len(reached))
        in_blocks = [flip for flip in down if flip.place >= HEAD and flip.hop <= (len(tx) - 1 - flip.place) // BLOCK]
        rx = self._obeyed(spoiled(tx, in_blocks), now, reached[:hearing])
        up = noise.flips(len(reached), len(rx))
        return spoiled(rx, [flip for flip in up if flip.place >= HEAD and flip.hop <= (flip.place - HEAD) // BLOCK])

    def _obeyed(self, tx: bytes, now: int, reached: Sequence[Device]) -> bytes:
        heard = _heard(bytes(tx[:HEAD])) if len(tx) >= HEAD else None
        if heard is None or not reached:
            return b"\xff" * len(tx)
        end = now + len(tx) * self.timing.byte_us
        command = heard.command
        if command.ltc6813_only:
            reached = [device for device in reached if device.part.larger]
        for device in reached:
            device.heard_us = end
        if command.kind is Kind.READ:
            return self._read(command.name, len(tx), now + HEAD * self.timing.byte_us, reached)
        if command.kind is Kind.POLL:
            return self._poll(reached, len(tx), now)
        if command.kind is Kind.WRITE:
            self._write(command.name.removeprefix("WR"), tx, end, reached)
        elif command.kind is Kind.CONVERT:
            for device in reached:
                device.convert(command.name, heard.options, end)
        elif command.kind is not Kind.CLOCKED or len(tx) >= HEAD + CLOCKS:
            for device in reached:
                device.order(command.name, end)
        return b"\xff" * len(tx)

    def _reach(self, now: int) -> list[Device]:
        """The chips that a frame at *now* reaches. A chip that does not take part loses it, is woken by it, and passes that
        on when it is ready.
        """
        timing, reached = self.timing, list[Device]()
        pulse_us: int | None = None  # when the wake-up gets to the next chip
        for device, port in zip(self.devices[: self.broken_after], self._ports, strict=False):
            if port.ready_us is not None and now - device.heard_us > timing.sleep_us and device.unheard(now):
                port.ready_us = None
            at_us = now if pulse_us is None else pulse_us
            if port.ready_us is None:
                pulse_us = port.ready_us = port.active_us = device.heard_us = at_us + timing.wake_us
            elif at_us - port.active_us > timing.idle_us:
                pulse_us = port.ready_us = port.active_us = at_us + timing.ready_us
            elif pulse_us is not None or now < port.ready_us:
                pulse_us = port.active_us = max(at_us, port.ready_us)
            else:
                port.active_us = now
                reached.append(device)
        return reached

    def _read(self, name: str, length: int, at_us: int, reached: Sequence[Device]) -> bytes:
        group = name.removeprefix("RD")
        answer = [b"\xff" * HEAD]
        for index, device in enumerate(self.devices):
            if device not in reached:
                answer.append(IDLE)
                continue
            image = device.read(group, at_us)
            answer.append(image if index not in self.garbled else image[:7] + bytes((image[7] ^ 0x10,)))
        return b"".join(answer).ljust(length, b"\xff")[:length]

    def _poll(self, reached: Sequence[Device], length: int, now: int) -> bytes:
        """Zeros while a chip measures; the nearest chips pass on what those behind them say."""
        byte_us = self.timing.byte_us
        polled = bytearray(b"\xff" * length)
        for place in range(HEAD, length):
            if not any(device.busy(now + place * byte_us) for device in reached):
                break
            polled[place] = 0
        return bytes(polled)

    def _write(self, group: str, tx: bytes, end: int, reached: Sequence[Device]) -> None:
        """The last block goes to the nearest chip. A block whose PEC is wrong leaves its chip as it was."""
        for index, device in enumerate(self.devices):
            if device not in reached:
                continue
            last = len(tx) - index * BLOCK
            block = tx[last - BLOCK : last] if last - BLOCK >= HEAD else b""
            if len(block) == BLOCK and intact(block):
                device.write(group, bytes(block[:6]), end)
