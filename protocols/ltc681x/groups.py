"""The register groups as values: what the six bytes of each mean (memory maps of LTC6804, LTC6811 and LTC6813).

Cells and pins have their numbers of the data sheet, from 1 on; voltages are volts, 100 µV a code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from protocols.core.errors import LocalError

LSB_V: Final = 100e-6
LIMIT_STEP_V: Final = 16 * LSB_V
LIMIT_CODES: Final = 4096
GROUP: Final = 6
"""Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a chip's status values are to be read."""

    sum_of_cells: int
    """The sum is this times what is read."""
    die_v_per_k: float
    die_zero_k: float
    """Die temperature [°C] = reading / *die_v_per_k* - *die_zero_k*."""


SCALES: Final = {
    "LTC6811": Scale(sum_of_cells=20, die_v_per_k=7.5e-3, die_zero_k=273.0),
    "LTC6813": Scale(sum_of_cells=30, die_v_per_k=7.6e-3, die_zero_k=276.0),
}
"""By chip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Groups CFGA and, in the larger chip, CFGB; the defaults are those after power-up. Raises `LocalError` for values that the
    registers cannot hold.
    """

    released: frozenset[int] = frozenset(range(1, 10))
    """GPIOs (1 to 9) whose pull-down is off; as read: those at logic 1."""
    reference_on: bool = False
    """The reference stays up between conversions (REFON)."""
    timer_pin: bool = False
    """The DTEN pin is high; read only."""
    option: int = 0
    """ADCOPT, 0 or 1."""
    low_v: float = LIMIT_STEP_V
    """Cells below are flagged (VUV); steps of 1.6 mV."""
    high_v: float = 0.0
    """Cells above are flagged (VOV); steps of 1.6 mV."""
    discharged: frozenset[int] = frozenset()
    """Cells (1 to 18) whose discharge switch is on (DCC); 0 is GPIO9 as an output of its own."""
    timeout: int = 0
    """DCTO, 0 to 15."""
    muted: bool = False
    """MUTE; read only."""
    forced_mismatch: bool = False
    """FDRF: redundant measurements are made to fail."""
    path: int = 0
    """PS: which converters are compared, 0 to 3."""
    monitored: bool = False
    """DTMEN: cells are watched while the discharge timer runs."""

    def __post_init__(self) -> None:
        limits: Iterable[tuple[str, float, float, float]] = (
            ("option", self.option, 0, 1),
            ("low_v", self.low_v, LIMIT_STEP_V, LIMIT_CODES * LIMIT_STEP_V),
            ("high_v", self.high_v, 0.0, (LIMIT_CODES - 1) * LIMIT_STEP_V),
            ("timeout", self.timeout, 0, 15),
            ("path", self.path, 0, 3),
        )
        for name, value, low, high in limits:
            if not low <= value <= high:
                raise LocalError(f"{name} = {value}: {low:g}..{high:g}")
        for name, numbers, allowed in (
            ("released", self.released, range(1, 10)),
            ("discharged", self.discharged, range(19)),
        ):
            if wrong := sorted(numbers - set(allowed)):
                raise LocalError(f"{name}: {wrong} must be {allowed.start}..{allowed.stop - 1}")

    def pack_a(self) -> bytes:
        """CFGA; limits are rounded to their steps."""
        low, high = round(self.low_v / LIMIT_STEP_V) - 1, round(self.high_v / LIMIT_STEP_V)
        cells = _mask(self.discharged, 1, 12)
        first = _mask(self.released, 1, 5) << 3 | self.reference_on << 2 | self.timer_pin << 1 | self.option
        return bytes((first, low & 0xFF, (high & 0xF) << 4 | low >> 8, high >> 4, cells & 0xFF, self.timeout << 4 | cells >> 8))

    def pack_b(self) -> bytes:
        """CFGB."""
        first = _mask(self.discharged, 13, 16) << 4 | _mask(self.released, 6, 9)
        second = self.muted << 7 | self.forced_mismatch << 6 | self.path << 4 | self.monitored << 3
        second |= (0 in self.discharged) << 2 | _mask(self.discharged, 17, 18)
        return bytes((first, second, 0, 0, 0, 0))

    @classmethod
    def unpack(cls, a: bytes, b: bytes = b"\x0f\0\0\0\0\0") -> "Configuration":
        """From CFGA and CFGB; without the latter as if it were as after power-up."""
        _checked(a, "CFGA")
        _checked(b, "CFGB")
        cells = a[4] | (a[5] & 0xF) << 8
        return cls(
            released=_numbers(a[0] >> 3, 1, 5) | _numbers(b[0] & 0xF, 6, 9),
            reference_on=bool(a[0] & 4),
            timer_pin=bool(a[0] & 2),
            option=a[0] & 1,
            low_v=((a[1] | (a[2] & 0xF) << 8) + 1) * LIMIT_STEP_V,
            high_v=(a[2] >> 4 | a[3] << 4) * LIMIT_STEP_V,
            discharged=_numbers(cells, 1, 12) | _numbers(b[0] >> 4, 13, 16) | _numbers(b[1], 17, 18) | _numbers(b[1] >> 2, 0, 0),
            timeout=a[5] >> 4,
            muted=bool(b[1] & 0x80),
            forced_mismatch=bool(b[1] & 0x40),
            path=b[1] >> 4 & 3,
            monitored=bool(b[1] & 8),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Groups STATA and STATB (with AUXD for the flags of the cells 13 to 18)."""

    sum_v: float
    die_degc: float
    analogue_v: float
    digital_v: float
    low: frozenset[int]
    """Cells below their limit when they were last measured."""
    high: frozenset[int]
    """Cells above theirs."""
    revision: int
    mux_failed: bool
    hot: bool
    """The chip has been in thermal shutdown."""

    @classmethod
    def unpack(cls, a: bytes, b: bytes, scale: Scale, aux_d: bytes = bytes(GROUP)) -> "Status":
        """From the groups of a chip with *scale*."""
        _checked(aux_d, "AUXD")
        (sum_v, die_v, analogue_v), (digital_v, *_) = voltages(a), voltages(b)
        flags = int.from_bytes(b[2:5] + aux_d[4:6], "little")
        return cls(
            sum_v=sum_v * scale.sum_of_cells,
            die_degc=die_v / scale.die_v_per_k - scale.die_zero_k,
            analogue_v=analogue_v,
            digital_v=digital_v,
            low=frozenset(cell for cell in range(1, 19) if flags >> 2 * (cell - 1) & 1),
            high=frozenset(cell for cell in range(1, 19) if flags >> 2 * (cell - 1) & 2),
            revision=b[5] >> 4,
            mux_failed=bool(b[5] & 2),
            hot=bool(b[5] & 1),
        )


def voltages(group: bytes) -> tuple[float, ...]:
    """The three voltages of a group of cells, inputs or status values; 6.5535 V is a result that never came."""
    _checked(group, "group")
    return tuple(int.from_bytes(group[at : at + 2], "little") * LSB_V for at in range(0, GROUP, 2))


def pack_nibbles(nibbles: Sequence[int]) -> bytes:
    """PWM or SCTRL of 12 pins, the first in the lower half of the first byte. Raises `LocalError` for another count or value."""
    if len(nibbles) != 2 * GROUP or not all(0 <= nibble <= 15 for nibble in nibbles):
        raise LocalError(f"{list(nibbles)}: 12 values of 0..15")
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def unpack_nibbles(group: bytes) -> tuple[int, ...]:
    """The 12 values of PWM or SCTRL; of PSB the duties of cells 13 to 18, then their S controls."""
    _checked(group, "group")
    return tuple(nibble for byte in group for nibble in (byte & 0xF, byte >> 4))


def _mask(numbers: frozenset[int], first: int, last: int) -> int:
    return sum(1 << number - first for number in range(first, last + 1) if number in numbers)


def _numbers(mask: int, first: int, last: int) -> frozenset[int]:
    return frozenset(number for number in range(first, last + 1) if mask >> number - first & 1)


def _checked(group: bytes, name: str) -> None:
    if len(group) != GROUP:
        raise LocalError(f"{name}: {len(group)} bytes; a register group has 6, without its PEC")
