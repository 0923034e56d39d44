"""The master's side of a chain: how a battery management system measures, and how it finds out what is broken.

Every procedure is a generator: it yields how long it waits (µs) and is resumed with the time it is then, so a pack can live on
while a conversion runs; `performed` runs one on its own.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from firmware_model.afe.part import CLEARED, MODES, REFERENCE_UP_US, SLOTS, Part
from protocols.ltc681x.comm import ACKNOWLEDGED, End, Start, pack, unpack
from protocols.ltc681x.comm import Part as Sent
from protocols.ltc681x.commands import COMMANDS
from protocols.ltc681x.groups import LSB_V, voltages
from protocols.ltc681x.pec import intact, sealed

T = TypeVar("T")
Procedure = Generator[int, int, T]
OPEN_V: Final = -0.4
"""Between pull-up and pull-down of the cell above a wire (data sheet, open-wire check)."""
REFERENCE_OK_V: Final = (2.985, 3.015)
SUM_OK: Final = 0.0075
"""Share by which the sum of cells may be off the cells' sum."""
OVERLAP_V: Final = 2e-3
WAKE_US, READY_US = 400, 20
"""A chip needs at most this from sleep, and from idling."""
CLEARED_V: Final = CLEARED * LSB_V
"""What a result reads as that never came."""
IDLE_US: Final = 4_300
"""After so long without activity a line may idle."""
KEEP_AWAKE: Final = 10
"""After so many chips' time a chip that is ready would idle again without another pulse."""
CONFIG: Final = bytes.fromhex("FC0000000000")
"""Reference on, pull-downs off, nothing discharged."""


class Line(Protocol):
    """Whatever carries the frames."""

    def transfer(self, tx: bytes, now: int) -> bytes:
        """What comes back while *tx* is clocked out."""
        ...


@dataclass(slots=True)
class Findings:
    """What an examination of a chain found wrong; all empty for a healthy one. Chips and their converters count from 0."""

    silent: set[int] = field(default_factory=set)
    """Chips that answer ones only."""
    garbled: set[int] = field(default_factory=set)
    """Chips whose answers have a wrong PEC."""
    open_wires: set[tuple[int, int]] = field(default_factory=set)
    """(chip, C pin)."""
    filters: set[tuple[int, int]] = field(default_factory=set)
    """(chip, converter) that fail the self-test."""
    overlaps: set[tuple[int, int]] = field(default_factory=set)
    """(chip, converter) that disagree with the one below about one cell."""
    references: set[int] = field(default_factory=set)
    """Chips whose second reference reads wrongly."""
    sums: set[int] = field(default_factory=set)
    """Chips whose sum of cells is not the sum of their cells."""
    multiplexers: set[int] = field(default_factory=set)
    """Chips that fail the self-test of their multiplexer."""
    redundancy: set[int] = field(default_factory=set)
    """Chips whose two filters disagree."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


class Driver:
    """Speaks to a chain of *count* chips of one *part* over *line*. *mode* is MD and ADCOPT of every conversion; *repeats*:
    conversions of each direction in the open-wire check, at least 2. The current has to move a loose pin by a whole cell voltage
    in all but the last of them: 2 do up to 60 nF, 4 for 100 nF. *connected*: cells of each chip, if not all.
    """

    def __init__(
        self,
        line: Line,
        part: Part,
        count: int,
        *,
        connected: Sequence[int] = (),
        mode: tuple[int, int] = (2, 0),
        repeats: int = 2,
        byte_us: int = 8,
    ) -> None:
        self.part, self.count = part, count
        self.connected = tuple(connected) or (part.cells,) * count
        self._line, self._byte_us, self._repeats = line, byte_us, repeats
        self._code, self._mode = mode[0], MODES[mode]
        self.bad_answers = [0] * count
        """Answers with a wrong PEC since the beginning, by chip."""
        self._config = bytes((CONFIG[0] | mode[1], *CONFIG[1:]))

    def wake(self) -> Procedure[None]:
        """From sleep or idling to ready, with the reference on."""
        for wait_us in (*[WAKE_US * KEEP_AWAKE] * -(-self.count // KEEP_AWAKE), READY_US * self.count):
            yield from self._send(b"\xff")
            yield wait_us
        yield from self.write("CFGA", [self._config] * self.count)
        yield REFERENCE_UP_US

    def write(self, group: str, blocks: Sequence[bytes]) -> Procedure[None]:
        """Write one block of six bytes to each chip, the nearest first in *blocks*."""
        yield from self._send(COMMANDS[f"WR{group}"].encode() + b"".join(map(sealed, reversed(blocks))))

    def read(self, group: str) -> Procedure[list[bytes | None]]:
        """Six bytes of each chip, the nearest first; None where the PEC is wrong, which is counted."""
        answer = yield from self._send(COMMANDS[f"RD{group}"].encode() + b"\xff" * 8 * self.count)
        blocks = [answer[at : at + 8] for at in range(4, 4 + 8 * self.count, 8)]
        found = [block[:6] if intact(block) else None for block in blocks]
        for index, block in enumerate(found):
            self.bad_answers[index] += block is None
        return found

    def convert(self, name: str, **options: int) -> Procedure[None]:
        """Start a conversion and wait until every chip is done (PLADC)."""
        command = COMMANDS[name]
        if "mode" in command.options:
            options = {"mode": self._code, **options}
            wait_us = self._mode.one_us if options.get("channel") else self._mode.all_us
        else:
            wait_us = 0
        yield from self._send(command.encode(**options))
        yield wait_us
        while True:
            if wait_us >= IDLE_US:  # the poll would be lost, and its ones taken for the end
                yield from self._send(b"\xff")
                yield READY_US * self.count
            answer = yield from self._send(COMMANDS["PLADC"].encode() + b"\xff" * 16)
            if answer[-1]:
                return

    def cells_v(self) -> Procedure[list[float | None]]:
        """Measure all cells: volts, bottom of the first chip first; None where no valid answer came, or no new one: results are
        cleared before, so a chip that did not hear the command shows.
        """
        yield from self._send(COMMANDS["CLRCELL"].encode())
        yield from self.convert("ADCV")
        cells = yield from self._cell_codes()
        return [None if volts == CLEARED_V else volts for volts in cells]

    def inputs_v(self) -> Procedure[list[list[float] | None]]:
        """Measure GPIO 1 to 5 and the second reference, then GPIO 6 to 9, by chip; None where an answer is missing or old."""
        yield from self._send(COMMANDS["CLRAUX"].encode())
        yield from self.convert("ADAX")
        groups = []
        for letter in self.part.input_groups:
            groups.append((yield from self.read(f"AUX{letter}")))
        count = self.part.inputs + 1
        chips = [_volts(blocks)[:count] if all(blocks) else None for blocks in zip(*groups, strict=True)]
        return [None if volts is None or CLEARED_V in volts else volts for volts in chips]

    def choose(self, channel: int, address: int = 0x4C) -> Procedure[list[bool]]:
        """Let the multiplexer behind GPIO 4 and 5 (I2C) pass *channel*; by chip, whether it acknowledged."""
        sent = [Sent(Start.START, address << 1, End.ACK), Sent(Start.BLANK, 1 << channel, End.NACK_STOP)]
        yield from self.write("COMM", [pack(sent)] * self.count)
        yield from self._send(COMMANDS["STCOMM"].encode() + b"\xff" * 9)
        answers = yield from self.read("COMM")
        return [block is not None and all(part.end == ACKNOWLEDGED for part in unpack(block)[:2]) for block in answers]

    def examine(self) -> Procedure[Findings]:
        """Everything that a chain can be asked about itself."""
        found = Findings()
        yield from self._examine_answers(found)
        for check in (self._filters, self._overlap, self._multiplexer, self._reference, self._sum, self.open_wires):
            yield from check(found)
        return found

    def open_wires(self, found: Findings) -> Procedure[None]:
        """The data sheet's check: the node above which a pull-up and a pull-down differ by more than 400 mV is open."""
        readings = []
        for pull_up in (1, 0):
            for _ in range(self._repeats):
                yield from self.convert("ADOW", pull_up=pull_up)
            readings.append((yield from self._cell_codes()))
        for chip, (high, low) in enumerate(zip(self._known(readings[0]), self._known(readings[1]), strict=True)):
            if not high or not low:
                continue
            found.open_wires |= {(chip, node) for node in range(1, len(high)) if high[node] - low[node] < OPEN_V}
            if high[0] == 0.0:
                found.open_wires.add((chip, 0))
            if low[-1] == 0.0:
                found.open_wires.add((chip, len(low)))

    def _send(self, tx: bytes) -> Procedure[bytes]:
        now = yield 0
        rx = self._line.transfer(tx, now)
        yield len(tx) * self._byte_us + 1
        return rx

    def _cell_codes(self) -> Procedure[list[float | None]]:
        groups = []
        for letter in self.part.cell_groups:
            groups.append((yield from self.read(f"CV{letter}")))
        cells: list[float | None] = []
        for blocks in zip(*groups, strict=True):
            for block in blocks:
                cells += [None] * 3 if block is None else _volts([block])
        return cells

    def _known(self, cells: Sequence[float | None]) -> Iterator[list[float]]:
        """The connected cells of each chip; empty if one of them is not known."""
        for chip, count in enumerate(self.connected):
            mine = cells[chip * self.part.cells :][:count]
            known = [volts for volts in mine if volts is not None]
            yield known if len(known) == count else []

    def _examine_answers(self, found: Findings) -> Procedure[None]:
        answer = yield from self._send(COMMANDS["RDCFGA"].encode() + b"\xff" * 8 * self.count)
        for chip in range(self.count):
            block = answer[4 + 8 * chip :][:8]
            if not intact(block):
                (found.silent if block == b"\xff" * 8 else found.garbled).add(chip)

    def _filters(self, found: Findings) -> Procedure[None]:
        for test in (1, 2):
            yield from self.convert("CVST", self_test=test)
            cells = yield from self._cell_codes()
            for index, volts in enumerate(cells):
                if volts is not None and round(volts / LSB_V) != self._mode.patterns[test - 1]:
                    chip, cell = divmod(index, self.part.cells)
                    found.filters.add((chip, cell // SLOTS))

    def _overlap(self, found: Findings) -> Procedure[None]:
        yield from self.convert("ADOL")
        cells = yield from self._cell_codes()
        for chip, mine in enumerate(self._known(cells)):
            for converter in range(1, -(-len(mine) // SLOTS)):
                at = converter * SLOTS
                if at + 1 < len(mine) and abs(mine[at] - mine[at + 1]) > OVERLAP_V:
                    found.overlaps.add((chip, converter))

    def _multiplexer(self, found: Findings) -> Procedure[None]:
        yield from self._send(COMMANDS["DIAGN"].encode())
        yield 500
        for chip, block in enumerate((yield from self.read("STATB"))):
            if block is not None and block[5] & 2:
                found.multiplexers.add(chip)

    def _reference(self, found: Findings) -> Procedure[None]:
        yield from self.convert("ADAXD")
        for chip, block in enumerate((yield from self.read("AUXB"))):
            if block is None:
                continue
            code = int.from_bytes(block[4:6], "little")
            if code >= 0xFF00:
                found.redundancy.add(chip)
            elif not REFERENCE_OK_V[0] <= code * LSB_V <= REFERENCE_OK_V[1]:
                found.references.add(chip)

    def _sum(self, found: Findings) -> Procedure[None]:
        yield from self.convert("ADCVSC")
        cells = yield from self._cell_codes()
        blocks = yield from self.read("STATA")
        for chip, (block, mine) in enumerate(zip(blocks, self._known(cells), strict=True)):
            if block is None or not mine:
                continue
            added = sum(mine)
            told = voltages(block)[0] * self.part.scale.sum_of_cells
            if abs(told - added) > SUM_OK * added:
                found.sums.add(chip)


def _volts(blocks: Sequence[bytes]) -> list[float]:
    return [volts for block in blocks for volts in voltages(block)]


def performed(procedure: Procedure[T], now: int) -> tuple[T, int]:
    """The result of *procedure*, begun at *now*, with nothing else going on; and when it was over."""
    try:
        wait_us = next(procedure)
        while True:
            now += wait_us
            wait_us = procedure.send(now)
    except StopIteration as over:
        result: T = over.value
        return result, now
