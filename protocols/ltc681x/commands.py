"""The commands of LTC6811 and LTC6813 as a table, with the options that are part of a command's code."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from protocols.core.errors import DecodeError, LocalError
from protocols.ltc681x.pec import intact, sealed


class Kind(Enum):
    """What a command does to the bytes that follow it."""

    WRITE = auto()
    """Six bytes and their PEC follow for every device, the farthest first."""
    READ = auto()
    """Every device answers six bytes and their PEC, the nearest first."""
    CONVERT = auto()
    """Starts a measurement or a self-test."""
    CLEAR = auto()
    """Sets result registers to ones."""
    POLL = auto()
    """The line stays low while a measurement runs."""
    CLOCKED = auto()
    """Works while the master gives 72 clocks after it."""
    ORDER = auto()
    """Takes effect at once."""


class Option(NamedTuple):
    """Bits of a code that the master chooses: *width* bits from bit *shift* on."""

    shift: int
    width: int


MODE: Final = Option(7, 2)
"""Conversion mode (MD); with ADCOPT it selects one of eight bandwidths."""
PERMIT: Final = Option(4, 1)
"""Discharge permitted during the measurement (DCP)."""
PULL_UP: Final = Option(6, 1)
"""Pull-up (1) or pull-down (0) current in an open-wire measurement (PUP)."""
SELF_TEST: Final = Option(5, 2)
"""Pattern 1 or 2 (ST)."""
CHANNEL: Final = Option(0, 3)
"""Cells (CH), GPIOs (CHG) or status values (CHST); 0 for all."""


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table; *ltc6813_only* where the smaller chip does not know it (LTC6812 has the configuration group B too)."""

    name: str
    code: int
    """11 bits, all options 0."""
    kind: Kind
    options: Mapping[str, Option]
    ltc6813_only: bool = False

    def encode(self, **chosen: int) -> bytes:
        """The four bytes of this command with the *chosen* options, the others 0. Raises `LocalError` for what it has not."""
        code = self.code
        for name, value in chosen.items():
            option = self.options.get(name)
            if option is None:
                raise LocalError(f"{self.name} has no option {name!r}; it has {', '.join(self.options) or 'none'}")
            if not 0 <= value < 1 << option.width:
                raise LocalError(f"{self.name}: {name} = {value} must be 0..{(1 << option.width) - 1}")
            code += value << option.shift
        return sealed(code.to_bytes(2, "big"))

    def options_of(self, code: int) -> dict[str, int]:
        """The options chosen in *code*, which is one of this command."""
        return {name: code - self.code >> option.shift & (1 << option.width) - 1 for name, option in self.options.items()}

    @property
    def codes(self) -> frozenset[int]:
        """Every code that is this command."""
        codes = {self.code}
        for option in self.options.values():
            codes = {code + (value << option.shift) for code in codes for value in range(1 << option.width)}
        return frozenset(codes)


_CELLS = {"mode": MODE, "permit": PERMIT, "channel": CHANNEL}
_WIRES = {"mode": MODE, "pull_up": PULL_UP, "permit": PERMIT, "channel": CHANNEL}
_INPUTS = {"mode": MODE, "channel": CHANNEL}
_TEST = {"mode": MODE, "self_test": SELF_TEST}
_BOTH = {"mode": MODE, "permit": PERMIT}
_NONE: Mapping[str, Option] = {}

COMMANDS: Final = {
    command.name: command
    for command in (
        Command("WRCFGA", 0x001, Kind.WRITE, _NONE),
        Command("WRCFGB", 0x024, Kind.WRITE, _NONE, ltc6813_only=True),
        Command("RDCFGA", 0x002, Kind.READ, _NONE),
        Command("RDCFGB", 0x026, Kind.READ, _NONE, ltc6813_only=True),
        Command("RDCVA", 0x004, Kind.READ, _NONE),
        Command("RDCVB", 0x006, Kind.READ, _NONE),
        Command("RDCVC", 0x008, Kind.READ, _NONE),
        Command("RDCVD", 0x00A, Kind.READ, _NONE),
        Command("RDCVE", 0x009, Kind.READ, _NONE, ltc6813_only=True),
        Command("RDCVF", 0x00B, Kind.READ, _NONE, ltc6813_only=True),
        Command("RDAUXA", 0x00C, Kind.READ, _NONE),
        Command("RDAUXB", 0x00E, Kind.READ, _NONE),
        Command("RDAUXC", 0x00D, Kind.READ, _NONE, ltc6813_only=True),
        Command("RDAUXD", 0x00F, Kind.READ, _NONE, ltc6813_only=True),
        Command("RDSTATA", 0x010, Kind.READ, _NONE),
        Command("RDSTATB", 0x012, Kind.READ, _NONE),
        Command("WRSCTRL", 0x014, Kind.WRITE, _NONE),
        Command("RDSCTRL", 0x016, Kind.READ, _NONE),
        Command("CLRSCTRL", 0x018, Kind.ORDER, _NONE),
        Command("STSCTRL", 0x019, Kind.CLOCKED, _NONE),
        Command("WRPSB", 0x01C, Kind.WRITE, _NONE, ltc6813_only=True),
        Command("RDPSB", 0x01E, Kind.READ, _NONE, ltc6813_only=True),
        Command("WRPWM", 0x020, Kind.WRITE, _NONE),
        Command("RDPWM", 0x022, Kind.READ, _NONE),
        Command("MUTE", 0x028, Kind.ORDER, _NONE, ltc6813_only=True),
        Command("UNMUTE", 0x029, Kind.ORDER, _NONE, ltc6813_only=True),
        Command("ADCV", 0x260, Kind.CONVERT, _CELLS),
        Command("ADOW", 0x228, Kind.CONVERT, _WIRES),
        Command("CVST", 0x207, Kind.CONVERT, _TEST),
        Command("ADOL", 0x201, Kind.CONVERT, _BOTH),
        Command("ADAX", 0x460, Kind.CONVERT, _INPUTS),
        Command("ADAXD", 0x400, Kind.CONVERT, _INPUTS),
        Command("AXST", 0x407, Kind.CONVERT, _TEST),
        Command("AXOW", 0x410, Kind.CONVERT, {"mode": MODE, "pull_up": PULL_UP}, ltc6813_only=True),
        Command("ADSTAT", 0x468, Kind.CONVERT, _INPUTS),
        Command("ADSTATD", 0x408, Kind.CONVERT, _INPUTS),
        Command("STATST", 0x40F, Kind.CONVERT, _TEST),
        Command("ADCVAX", 0x46F, Kind.CONVERT, _BOTH),
        Command("ADCVSC", 0x467, Kind.CONVERT, _BOTH),
        Command("CLRCELL", 0x711, Kind.CLEAR, _NONE),
        Command("CLRAUX", 0x712, Kind.CLEAR, _NONE),
        Command("CLRSTAT", 0x713, Kind.CLEAR, _NONE),
        Command("PLADC", 0x714, Kind.POLL, _NONE),
        Command("DIAGN", 0x715, Kind.CONVERT, _NONE),
        Command("WRCOMM", 0x721, Kind.WRITE, _NONE),
        Command("RDCOMM", 0x722, Kind.READ, _NONE),
        Command("STCOMM", 0x723, Kind.CLOCKED, _NONE),
    )
}
"""By name, in the order of the data sheet."""


class Heard(NamedTuple):
    """A command as a device understands it."""

    command: Command
    options: dict[str, int]


def _by_code() -> dict[int, Command]:
    """The commands by every code. Where options of one command would spell another (channel 7 of ADCV), the exact code wins."""
    found: dict[int, Command] = {}
    for command in sorted(COMMANDS.values(), key=lambda command: -len(command.codes)):
        found.update(dict.fromkeys(command.codes, command))
    return found


_BY_CODE: Final = _by_code()


def decode(frame: bytes) -> Heard:
    """The command in the first four bytes of *frame*. Raises `DecodeError` for a wrong PEC or a code that no command has: a
    device ignores both.
    """
    head = frame[:4]
    if len(head) < 4 or not intact(head):
        raise DecodeError(f"{head.hex(' ')}: no command with a right PEC")
    code = int.from_bytes(head[:2], "big") & 0x7FF
    command = _BY_CODE.get(code)
    if command is None:
        raise DecodeError(f"0x{code:03X} is no command")
    return Heard(command, command.options_of(code))
