"""From counts to milli-units and comparator bits: all of the firmware that knows the board's converters."""

from collections.abc import Sequence
from typing import Final

from firmware_model.board import FULL_SCALE, SPANS, Channel, Inputs, Outputs, Span, Window

_STAGE, _INTERFACE, _CURRENT, _CC1 = (int(c) for c in (Channel.STAGE_V, Channel.INTERFACE_V, Channel.OUTPUT_A, Channel.CC1_V))

CONNECTED: Final = 1 << 16
"""Detection point 1 is in the window of a connected vehicle."""
OVER_VOLTAGE: Final = 1 << 17
OVER_CURRENT: Final = 1 << 18
PLUG_HOT: Final = 1 << 19
PLUG_SENSOR: Final = 1 << 20
AUX_LOW: Final = 1 << 21
VOLTAGES_APART: Final = 1 << 22
"""The two voltage sensors contradict each other; means something while K1/K2 are closed only."""
BUS_LOST: Final = 1 << 23
"""The CAN controller went off the bus too often."""
"""Analogue conditions share one word with the digital inputs (bits 0..15), so that one comparison finds what is wrong."""


class Converter:
    """Counts of one channel in milli-units (mV, mA, m°C) and back, in integers."""

    __slots__ = ("_low", "_span")

    def __init__(self, span: Span) -> None:
        self._low = round(span.low * 1000)
        self._span = round((span.high - span.low) * 1000)

    def milli(self, counts: int) -> int:
        """The value that *counts* stand for."""
        return self._low + counts * self._span // FULL_SCALE

    def at_most(self, milli: int) -> int:
        """The greatest count whose value is not above *milli*."""
        return max(-1, min(FULL_SCALE, ((milli - self._low + 1) * FULL_SCALE - 1) // self._span))

    def at_least(self, milli: int) -> int:
        """The smallest count whose value is not below *milli*."""
        return self.at_most(milli - 1) + 1


def converters(spans: Sequence[Span] = SPANS) -> list[Converter]:
    """One converter per channel."""
    return [Converter(span) for span in spans]


def _window(count: int, limit: int) -> Window:
    """The side of *limit* on which *count* lies."""
    return Window(0, limit) if count <= limit else Window(limit + 1, FULL_SCALE)


class Comparators:
    """Compares samples with limits and keeps the board's windows such that a sample inside them has the same outcome.

    That is what makes skipped activations harmless: whatever the firmware decides from a sample between its activations, it
    decides from these bits.
    """

    def __init__(self, converter: Sequence[Converter], *, cc1_low_mv: int, cc1_high_mv: int) -> None:
        self._converter = converter
        self._cc1 = Window(converter[_CC1].at_least(cc1_low_mv), converter[_CC1].at_most(cc1_high_mv))
        self._voltage = self._current = FULL_SCALE

    def limit_voltage(self, milli: int) -> None:
        """`OVER_VOLTAGE` above *milli* (mV) at the stage or the interface."""
        self._voltage = self._converter[_STAGE].at_most(milli)

    def limit_current(self, milli: int) -> None:
        """`OVER_CURRENT` above *milli* (mA)."""
        self._current = self._converter[_CURRENT].at_most(milli)

    def compare(self, adc: Sequence[int], outputs: Outputs) -> int:
        """The condition bits of the sample *adc*; sets the windows of *outputs* around them."""
        stage, interface, current, cc1 = adc[_STAGE], adc[_INTERFACE], adc[_CURRENT], adc[_CC1]
        low, high = self._cc1
        bits = CONNECTED if low <= cc1 <= high else 0
        if stage > self._voltage or interface > self._voltage:
            bits |= OVER_VOLTAGE
        if current > self._current:
            bits |= OVER_CURRENT
        windows = outputs.windows
        windows[_STAGE] = _window(stage, self._voltage)
        windows[_INTERFACE] = _window(interface, self._voltage)
        windows[_CURRENT] = _window(current, self._current)
        windows[_CC1] = self._cc1 if bits & CONNECTED else _window(cc1, low - 1 if cc1 < low else high)
        return bits


class Readings:
    """The measured values of the present activation, in milli-units."""

    def __init__(self, spans: Sequence[Span] = SPANS) -> None:
        self.inputs = Inputs()
        """The registers read from; the controller points it at what `step` was handed."""
        self.converters = converters(spans)
        self._stage, self._interface, self._current = (
            self.converters[channel].milli for channel in (_STAGE, _INTERFACE, _CURRENT)
        )

    @property
    def stage_mv(self) -> int:
        """Voltage at the stage, inside K1/K2."""
        return self._stage(self.inputs.adc[_STAGE])

    @property
    def interface_mv(self) -> int:
        """Voltage at the vehicle interface, outside K1/K2."""
        return self._interface(self.inputs.adc[_INTERFACE])

    @property
    def current_ma(self) -> int:
        """Output current, positive towards the vehicle."""
        return self._current(self.inputs.adc[_CURRENT])

    def milli(self, channel: int) -> int:
        """Any other channel."""
        return self.converters[channel].milli(self.inputs.adc[channel])
