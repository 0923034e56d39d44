"""The 100 ms task: energy, plug temperatures, auxiliary voltage, fan, and limits that follow slowly."""

from collections.abc import Sequence

from firmware_model.board import Channel, Dout
from firmware_model.mcu.drivers import AUX_LOW, PLUG_HOT, PLUG_SENSOR, VOLTAGES_APART, Comparators, Readings
from firmware_model.mcu.metering import EnergyMeter
from firmware_model.mcu.settings import ControllerSettings

_PLUGS = (int(Channel.PLUG_POSITIVE_DEGC), int(Channel.PLUG_NEGATIVE_DEGC))
_AUX = int(Channel.AUX_V)
_SLOW = slice(min(*_PLUGS, _AUX), max(*_PLUGS, _AUX) + 1)
_FAN = int(Dout.FAN)


class Supervision:
    """Samples what changes slowly. `bits` are its conditions, `derated_ma` the greatest current that the plug allows."""

    def __init__(self, settings: ControllerSettings, readings: Readings, comparators: Comparators) -> None:
        self.meter = EnergyMeter()
        self.bits = 0
        self.fan = 0
        self.derated_ma = self._most_ma = round(settings.current_max_a * 1000)
        self._settings = settings
        self._readings = readings
        self._comparators = comparators
        self._peak_ma = -1
        self._hold_until = 0
        self._meter_start_ma = settings.meter_start_a * 1000
        self._fan_on_ma = settings.fan_on_a * 1000
        self._sampled: Sequence[int] | None = None
        self._slow: Sequence[int] | None = None
        self._slow_bits = 0
        self._voltage_mv = self._current_ma = 0

    def sample(self, current_set_ma: int, now: int) -> bool:
        """Take all samples; whether anything that others decide by has changed."""
        adc = self._readings.inputs.adc
        fresh = adc is not self._sampled  # the board hands over a new tuple for each sample
        if fresh:
            self._sampled = adc
            self._voltage_mv, self._current_ma = self._readings.interface_mv, self._readings.current_ma
        if self._current_ma >= self._meter_start_ma:
            self.meter.add(self._voltage_mv, self._current_ma)
        if not fresh and (now < self._hold_until or current_set_ma >= self._peak_ma):
            return False  # nothing else to find out
        before = (self.bits, self.derated_ma, self.fan, self._peak_ma)
        slow = adc[_SLOW]
        if slow != self._slow:
            self._slow = slow
            self._warmth_and_supply()
        self.bits = self._slow_bits | self._apart()
        self.fan = _FAN if self._current_ma >= self._fan_on_ma else 0
        if now >= self._hold_until and current_set_ma < self._peak_ma:
            self._limit(current_set_ma)
        return before != (self.bits, self.derated_ma, self.fan, self._peak_ma)

    def set_point_moved(self, current_set_ma: int, now: int) -> None:
        """Let the over-current limit follow the set point: upwards at once, downwards after a while."""
        if current_set_ma > self._peak_ma:
            self._limit(current_set_ma)
        else:
            self._hold_until = now + self._settings.over_current_hold_us

    def _limit(self, current_set_ma: int) -> None:
        settings = self._settings
        self._peak_ma = current_set_ma
        margin_ma = round(settings.over_current_margin_a * 1000)
        self._comparators.limit_current(round(current_set_ma * settings.over_current_ratio) + margin_ma)

    def _apart(self) -> int:
        """`VOLTAGES_APART` or nothing."""
        settings, stage_mv = self._settings, self._readings.stage_mv
        allowed_mv = 1000 * settings.voltage_apart_v + settings.voltage_apart_ratio * max(stage_mv, self._voltage_mv)
        return VOLTAGES_APART if abs(stage_mv - self._voltage_mv) > allowed_mv else 0

    def _warmth_and_supply(self) -> None:
        """What plug temperatures and auxiliary voltage mean."""
        settings = self._settings
        coldest, hottest = sorted(self._readings.milli(channel) for channel in _PLUGS)
        self._slow_bits = 0
        if coldest < settings.plug_sensor_low_degc * 1000 or hottest > settings.plug_sensor_high_degc * 1000:
            self._slow_bits |= PLUG_SENSOR
        elif hottest >= settings.plug_stop_degc * 1000:
            self._slow_bits |= PLUG_HOT
        if self._readings.milli(_AUX) < settings.aux_low_v * 1000:
            self._slow_bits |= AUX_LOW
        room = (settings.plug_stop_degc * 1000 - hottest) / (settings.plug_stop_degc - settings.plug_warn_degc) / 1000
        self.derated_ma = round(self._most_ma * min(1.0, max(0.0, room)))
