"""A battery pack as its management system knows it: through a chain of cell-monitoring chips and nothing else.

Answers the same questions as the pack itself (`battery.monitor.Sensed`), with the values of the last measurement.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from firmware_model.afe.chain import Chain
from firmware_model.afe.device import Device
from firmware_model.afe.driver import Driver, Findings, performed
from firmware_model.afe.inputs import Divider, Multiplexer
from firmware_model.afe.part import LTC6811
from firmware_model.battery.pack import Pack

PART: Final = LTC6811
CHECK_US: Final = 10_000_000
"""How often the chain is asked about itself."""
SENSOR_US: Final = 1_000_000
"""How often the next sensor of each chip is read."""
PATIENCE: Final = 3
"""Measurements in a row without an answer of a chip, until its cells count as lost."""
PLAUSIBLE_DEGC: Final = (-40.0, 125.0)
NOMINAL_REFERENCE_V: Final = 3.0


class ChainSensing:
    """The chain over *pack*: as many chips as its cells need, evenly filled, each with its share of the temperature sensors
    behind a multiplexer. Errors and noise come from *seed*.
    """

    def __init__(self, pack: Pack, *, seed: int) -> None:
        kind = pack.kind
        count = -(-kind.series // PART.cells)
        self._pack = pack
        self._bounds = [kind.series * chip // count for chip in range(count + 1)]
        sensors = [kind.temp_sensors * chip // count for chip in range(count + 1)]
        self._truth_v = [[0.0] * PART.cells for _ in range(count)]
        """What each chip has between its pins; 0 V where no cell is connected."""
        self.sensors = [[Divider() for _ in range(high - low)] for low, high in pairwise(sensors)]
        self.chain = Chain([self._device(chip, seed) for chip in range(count)])
        self.driver = Driver(self.chain, PART, count, connected=[b - a for a, b in pairwise(self._bounds)])
        self.findings = Findings()
        """Of the last examination."""
        self.lost = [0] * count
        """Measurements in a row without an answer, by chip."""
        self._cells_v: list[float] = list(pack.cell_voltages_v())
        self._temps: list[list[float | None]] = [[pack.temp_degc] * len(mine) for mine in self.sensors]
        self._channel = self._check_at = self._sensor_at = self._chain_us = 0

    @property
    def trusted(self) -> bool:
        """Whether every cell is known and the chain has found nothing wrong with itself."""
        return not self.findings and max(self.lost) < PATIENCE

    def measure(self, now: int) -> None:
        """Take a measurement of all cells; now and then of the sensors whose turn it is, and of the chain itself. What flows at
        *now* counts for all of it, though the chain needs some ms.
        """
        cells_v = self._pack.cell_voltages_v()
        for truth, (low, high) in zip(self._truth_v, pairwise(self._bounds), strict=True):
            truth[: high - low] = cells_v[low:high]
        driver, then = self.driver, max(now, self._chain_us)
        _, then = performed(driver.wake(), then)
        if now >= self._check_at:
            self._check_at = now + CHECK_US
            self.findings, then = performed(driver.examine(), then)
        cells, then = performed(driver.cells_v(), then)
        self._take_cells(cells)
        if now >= self._sensor_at:
            self._sensor_at = now + SENSOR_US
            self._follow_temps()
            _, then = performed(driver.choose(self._channel), then)
            inputs, then = performed(driver.inputs_v(), then)
            self._take_temps(inputs)
        self._chain_us = then

    def cell_voltages_v(self) -> Sequence[float]:
        """All cells; a lost one keeps its last value."""
        return self._cells_v

    @property
    def cell_max_v(self) -> float:
        """Of the highest cell."""
        return max(self._cells_v)

    @property
    def cell_min_v(self) -> float:
        """Of the lowest cell."""
        return min(self._cells_v)

    @property
    def cell_mean_v(self) -> float:
        """Mean of all cells."""
        return sum(self._cells_v) / len(self._cells_v)

    @property
    def cell_max_number(self) -> int:
        """Which is the highest, from 1."""
        return self._cells_v.index(max(self._cells_v)) + 1

    def temps_degc(self) -> Sequence[float]:
        """All sensors; one that reads nonsense is left out as long as any other is left, and shows the mean of the others."""
        told = [temp for mine in self._temps for temp in mine]
        good = [temp for temp in told if temp is not None]
        mean = sum(good) / len(good) if good else PLAUSIBLE_DEGC[1]  # none is left: as if too hot
        return [mean if temp is None else temp for temp in told]

    def _device(self, chip: int, seed: int) -> Device:
        mine = self._truth_v[chip]
        return Device(PART, lambda _: mine, seed=seed + chip, pins=[Multiplexer(list(self.sensors[chip]))])

    def _follow_temps(self) -> None:
        temps = iter(self._pack.temps_degc())
        for mine in self.sensors:
            for divider in mine:
                divider.temp_degc = next(temps)

    def _take_cells(self, cells: Sequence[float | None]) -> None:
        for chip, (low, high) in enumerate(pairwise(self._bounds)):
            mine = cells[chip * PART.cells :][: high - low]
            known = [volts for volts in mine if volts is not None]
            if len(known) == len(mine):
                self.lost[chip] = 0
                self._cells_v[low:high] = known
            else:
                self.lost[chip] += 1

    def _take_temps(self, inputs: Sequence[Sequence[float] | None]) -> None:
        for mine, temps, volts in zip(self.sensors, self._temps, inputs, strict=True):
            if volts is not None and self._channel < len(mine):
                degc = mine[self._channel].temp_of(volts[0], NOMINAL_REFERENCE_V)
                temps[self._channel] = degc if PLAUSIBLE_DEGC[0] <= degc <= PLAUSIBLE_DEGC[1] else None
        self._channel = (self._channel + 1) % max(len(mine) for mine in self.sensors)
