"""The registers of one chip, six bytes a group as its master reads and writes them (memory maps of the data sheets)."""

from collections.abc import Sequence
from typing import Final

from firmware_model.afe.part import CLEARED, Part
from protocols.ltc681x.pec import sealed

REVISION: Final = 1
UNUSED: Final = b"\xff" * 6
WRITABLE: Final = ("CFGA", "CFGB", "PWM", "PSB", "SCTRL", "COMM")
DEFAULTS: Final = {
    "CFGA": bytes.fromhex("F80000000000"),  # GPIO pull-downs released
    "CFGB": bytes.fromhex("0F0000000000"),
    "PWM": b"\xff" * 6,  # all the time
    "PSB": bytes.fromhex("FFFFFF000000"),
    "SCTRL": bytes(6),
    "COMM": b"\xff" * 6,
}


class Registers:
    """What a chip holds. Result registers are lists of codes; `image` makes bytes with their PEC of them, once a change."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.written: dict[str, bytes] = {}
        self.cells: list[int] = []
        self.inputs: list[int] = []
        """GPIO 1 to 5, second reference, GPIO 6 to 9."""
        self.status: list[int] = []
        """Sum of cells, die temperature, analogue and digital supply."""
        self.flags = self.mux_failed = self.hot = 0
        """Two bits a cell, the lower for too low, the upper for too high; the other two are single bits."""
        self.mute = False
        self._images: dict[str, bytes] = {}
        self.reset()

    def reset(self) -> None:
        """As after power-up, and after sleep."""
        self.written = dict(DEFAULTS)
        self.mute = False
        self.clear_cells()
        self.clear_inputs()
        self.clear_status()

    def clear_cells(self) -> None:
        """CLRCELL."""
        self.cells = [CLEARED] * self._part.cells
        self.touch()

    def clear_inputs(self) -> None:
        """CLRAUX."""
        self.inputs = [CLEARED] * (self._part.inputs + 1)
        self.touch()

    def clear_status(self) -> None:
        """CLRSTAT."""
        self.status = [CLEARED] * 4
        self.flags, self.mux_failed, self.hot = (1 << 2 * self._part.cells) - 1, 1, 1
        self.touch()

    def forget_limits(self) -> None:
        """The watchdog ran out, the discharge timer not: the first four bytes of the configuration are as after power-up."""
        self.written["CFGA"] = DEFAULTS["CFGA"][:4] + self.written["CFGA"][4:]
        self.touch()

    def forget_configuration(self) -> None:
        """Both groups of it are as after power-up: nothing is discharged."""
        self.written["CFGA"], self.written["CFGB"] = DEFAULTS["CFGA"], DEFAULTS["CFGB"]
        self.touch()

    def show_timer(self, *, pin: bool, left: int) -> None:
        """What DTEN and DCTO read as."""
        config = self.written["CFGA"]
        shown = bytes((config[0] & 0xFD | pin << 1, *config[1:5], left << 4 | config[5] & 0x0F))
        if shown != config:
            self.written["CFGA"] = shown
            self.touch()

    def touch(self) -> None:
        """Something has changed: images are made anew."""
        self._images.clear()

    def write(self, group: str, data: bytes) -> None:
        """Put six bytes into a *group* that can be written; bits that are read only stay."""
        if group == "CFGA":
            data = bytes((data[0] & 0xFD | self.written["CFGA"][0] & 2, *data[1:]))
        elif group == "CFGB":
            data = bytes((data[0], data[1] & 0x7F, 0, 0, 0, 0))
        self.written[group] = data
        self.touch()

    def image(self, group: str) -> bytes:
        """The six bytes of *group* and their PEC, as the chip answers; unknown groups are ones."""
        found = self._images.get(group)
        if found is None:
            found = self._images[group] = sealed(self._bytes(group))
        return found

    def limits(self) -> tuple[int, int]:
        """Codes below and above which a cell is flagged (VUV, VOV)."""
        config = self.written["CFGA"]
        low = (config[1] | (config[2] & 0x0F) << 8) + 1
        high = config[2] >> 4 | config[3] << 4
        return low * 16, high * 16

    def flag(self, cell: int, code: int) -> None:
        """Note whether *cell* (from 0) is too low or too high."""
        low, high = self.limits()
        bits = (code < low) | (code > high) << 1
        self.flags = self.flags & ~(3 << 2 * cell) | bits << 2 * cell

    def switches(self) -> int:
        """The discharge switches that are asked for, a bit a cell; none while muted."""
        if self.mute:
            return 0
        a, b = self.written["CFGA"], self.written["CFGB"]
        bits: int = a[4] | (a[5] & 0x0F) << 8
        if self._part.larger:
            bits |= (b[0] >> 4) << 12 | (b[1] & 3) << 16
        return bits

    def open_switches(self) -> None:
        """Clear every discharge bit, and DCTO."""
        a, b = self.written["CFGA"], self.written["CFGB"]
        self.written["CFGA"] = bytes((*a[:4], 0, 0))
        self.written["CFGB"] = bytes((b[0] & 0x0F, b[1] & ~3 & 0xFF, *b[2:]))
        self.touch()

    def duty(self, cell: int) -> int:
        """Of the 30 s of a discharge period, in fifteenths."""
        nibbles = self.written["PWM"] + self.written["PSB"][:3]
        return nibbles[cell // 2] >> 4 * (cell % 2) & 0xF

    def released(self, gpio: int) -> bool:
        """Whether the pull-down of GPIO number *gpio* (1 to 9) is off."""
        if gpio <= 5:
            return bool(self.written["CFGA"][0] >> 2 + gpio & 1)
        return bool(self.written["CFGB"][0] >> gpio - 6 & 1)

    def _bytes(self, group: str) -> bytes:
        if group in WRITABLE:
            data = self.written[group]
            return bytes((data[0], data[1] | self.mute << 7, *data[2:])) if group == "CFGB" else data
        kind, letter = group[:-1], group[-1]
        if kind == "CV" and letter in self._part.cell_groups:
            return _words(self.cells[3 * (ord(letter) - ord("A")) :][:3])
        if kind == "AUX" and letter in self._part.input_groups:
            return self._input_bytes(letter)
        if group == "STATA":
            return _words(self.status[:3])
        if group == "STATB":
            tail = (REVISION << 4 | self.mux_failed << 1 | self.hot).to_bytes(1)
            return _words(self.status[3:]) + (self.flags & 0xFFFFFF).to_bytes(3, "little") + tail
        return UNUSED

    def _input_bytes(self, letter: str) -> bytes:
        if letter != "D":
            return _words(self.inputs[3 * "ABC".index(letter) :][:3])
        return _words([self.inputs[9], CLEARED]) + (self.flags >> 24).to_bytes(2, "little")


def _words(codes: Sequence[int]) -> bytes:
    return b"".join(code.to_bytes(2, "little") for code in codes)
