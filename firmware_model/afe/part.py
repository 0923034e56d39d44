"""The two chips as data: what they have, and how long they take.

Conversion times are those of the smaller chip's tables (LTC6804 tables 5 to 7); the larger adds a few µs, and more channels.
"""

from dataclasses import dataclass
from math import pi, sin
from typing import Final

from protocols.ltc681x.groups import SCALES, Scale

CLEARED: Final = 0xFFFF
"""What a result register holds after power-up and after it was cleared."""
REFERENCE_UP_US: Final = 3_500
"""Before the first conversion if the reference was off (2.7 to 4.4 ms)."""
SLOTS: Final = 6
"""Cells that one converter measures, one after the other; slot of cell k: (k - 1) mod 6."""


@dataclass(frozen=True, slots=True)
class Mode:
    """One of the eight bandwidths (MD and ADCOPT), with its times in µs from the start of a conversion."""

    name: str
    bandwidth_hz: float
    """-3 dB of the decimation filter."""
    first_us: int
    """The first slot is measured."""
    last_us: int
    """The sixth is."""
    all_us: int
    """The results of all are in the registers, offset calibration included."""
    one_us: int
    """The same if one channel was asked for."""
    mixed_us: int
    """The same for cells and two GPIOs together (ADCVAX)."""
    status_us: int
    """The same for the four status values."""
    noise_v: float
    """rms of a result."""
    ringing_v: float
    """rms of what fast edges at full power add to it (an engineering estimate)."""
    patterns: tuple[int, int] = (0x9555, 0x6AAA)
    """What the digital filter makes of self-tests 1 and 2."""

    def sampled_us(self, slot: int) -> int:
        """When *slot* (0 to 5) is measured."""
        return self.first_us + slot * (self.last_us - self.first_us) // (SLOTS - 1)

    def passes(self, frequency_hz: float) -> float:
        """The share of a disturbance of *frequency_hz* that is left in a result: a third-order sinc, first notch at three
        times the bandwidth.
        """
        x = pi * frequency_hz / (3.0 * self.bandwidth_hz)
        return abs(sin(x) / x) ** 3 if x else 1.0


MODES: Final = {
    (0, 0): Mode("422 Hz", 422, 1_930, 11_330, 12_816, 2_280, 17_000, 8_530, 0.10e-3, 0.3e-3),
    (0, 1): Mode("1 kHz", 845, 957, 5_697, 7_230, 1_220, 9_600, 4_800, 0.10e-3, 0.45e-3),
    (1, 0): Mode("27 kHz", 27_000, 57, 290, 1_113, 201, 1_564, 748, 1.00e-3, 6.5e-3, (0x9565, 0x6A9A)),
    (1, 1): Mode("14 kHz", 13_500, 86, 465, 1_288, 230, 1_736, 865, 0.40e-3, 3e-3, (0x9553, 0x6AAC)),
    (2, 0): Mode("7 kHz", 6_800, 144, 814, 2_335, 405, 3_133, 1_563, 0.15e-3, 1.25e-3),
    (2, 1): Mode("3 kHz", 3_400, 260, 1_512, 3_033, 521, 4_064, 2_028, 0.10e-3, 0.8e-3),
    (3, 0): Mode("26 Hz", 26, 29_817, 178_850, 201_317, 33_568, 238_000, 134_218, 0.04e-3, 0.08e-3),
    (3, 1): Mode("2 kHz", 1_700, 493, 2_908, 4_430, 754, 5_925, 2_959, 0.10e-3, 0.6e-3),
}
"""By MD and ADCOPT. Times of 422 Hz and 1 kHz beyond the totals are scaled from 2 kHz: nobody states them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A chip of the family."""

    name: str
    cells: int
    inputs: int
    """GPIOs that can be measured."""
    extra_us: int
    """By how much all its conversions are longer."""
    scale: Scale
    """Of its status values."""
    discharge_ohm: float
    """Of an internal discharge switch."""

    @property
    def larger(self) -> bool:
        """Whether it knows the commands of the larger chip."""
        return self.cells > 12

    @property
    def converters(self) -> int:
        """ADCs for cells, six cells each."""
        return self.cells // SLOTS

    @property
    def cell_groups(self) -> str:
        """Letters of the register groups of three cells."""
        return "ABCDEF"[: self.cells // 3]

    @property
    def input_groups(self) -> str:
        """Letters of the register groups of three GPIO voltages; the second reference follows the fifth GPIO."""
        return "ABCD" if self.inputs > 5 else "AB"


LTC6811: Final = Part("LTC6811", 12, 5, 0, SCALES["LTC6811"], 10.0)
LTC6813: Final = Part("LTC6813", 18, 9, 8, SCALES["LTC6813"], 4.0)
PARTS: Final = {part.name: part for part in (LTC6811, LTC6813)}
"""By name."""
