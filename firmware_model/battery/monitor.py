"""The measuring half of a battery management system: from the pack to what the vehicle tells the charger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firmware_model.battery.demand import NOTHING, Demand, DemandCurve, Reading
from firmware_model.battery.pack import Pack
from protocols.gbt27930.bms_messages import BatteryReport

MEASURE_US = 250_000
"""One measuring cycle; reports within it repeat its values."""
LISTS_US = 1_000_000
"""How often every single cell and sensor is read out."""


@dataclass(slots=True)
class Errors:
    """Measuring errors of the vehicle; may be set at any time and count from the next cycle on."""

    voltage_gain: float = 1.0
    current_gain: float = 1.0
    current_offset_a: float = 0.0
    soc_offset_pct: float = 0.0
    cell_offset_v: float = 0.0
    temp_offset_k: float = 0.0


class Sensed(Protocol):
    """What a management system asks about its pack; a pack itself answers truthfully and at once."""

    @property
    def cell_max_v(self) -> float: ...
    @property
    def cell_min_v(self) -> float: ...
    @property
    def cell_mean_v(self) -> float: ...
    @property
    def cell_max_number(self) -> int: ...
    def cell_voltages_v(self) -> Sequence[float]: ...
    def temps_degc(self) -> Sequence[float]: ...


class Chain(Sensed, Protocol):
    """The same through chips that have to be asked first."""

    @property
    def trusted(self) -> bool: ...
    def measure(self, now: int) -> None: ...


class BatteryMonitor:
    """Measures *pack* once a cycle and works out the request. `report` may be asked at any time; it is cheap within a cycle.
    With a *chain* it knows cells and temperatures through that only; without one, truthfully.
    """

    def __init__(self, pack: Pack, curve: DemandCurve, *, soc_target_pct: float, chain: Chain | None = None) -> None:
        self.pack = pack
        self.chain = chain
        self._cells: Sensed = chain or pack
        self.curve = curve
        self.errors = Errors()
        self.soc_target_pct = soc_target_pct
        self.permitted = True
        """Goes into BSM; False makes the charger pause."""
        self.alarms: frozenset[str] = frozenset()
        """States that BSM shows as abnormal."""
        self.reading = self._measure()
        self.demand = NOTHING
        self._charging = False
        self._fresh_until = self._measure_at = 0
        self._report: BatteryReport | None = None
        self._lists_until = 0
        self._cells_v: Sequence[float] = ()
        self._temps_degc: Sequence[float] = ()

    def begin(self, now: int) -> None:
        """Charging begins or goes on: the request rises from zero."""
        self._charging = True
        self.curve.begin(now)
        self.renew()

    def end(self) -> None:
        """No more current is wanted."""
        self._charging = False
        self.renew()

    def renew(self) -> None:
        """Something that goes into the report has changed; do not wait for the next cycle."""
        self._fresh_until = 0

    def report(self, now: int) -> BatteryReport:
        """What the vehicle measures and wants at *now*."""
        if self._report is None or now >= self._fresh_until:
            self._report = self._compose(now)
        return self._report

    def measured_current_a(self) -> float:
        """The vehicle's own current measurement, this instant."""
        return self.pack.current_a * self.errors.current_gain + self.errors.current_offset_a

    @property
    def trusted(self) -> bool:
        """Whether what it knows of the cells can be relied on."""
        return self.chain is None or self.chain.trusted

    def _compose(self, now: int) -> BatteryReport:
        if self.chain is not None and now >= self._measure_at:
            self._measure_at = now + MEASURE_US
            self.chain.measure(now)
        reading = self.reading = self._measure()
        wanted = self._charging and self.permitted
        demand = self.demand = (
            self.curve.ask(now, reading) if wanted else NOTHING._replace(voltage_v=self.pack.kind.voltage_max_v)
        )
        # While the request moves, every message has its own value; a steady one holds for the cycle.
        self._fresh_until = now if self.curve.moving and wanted else now + MEASURE_US
        if now >= self._lists_until:
            self._lists_until = now + LISTS_US
            self._cells_v, self._temps_degc = self._cells.cell_voltages_v(), self._cells.temps_degc()
        pack, cells, temps = self.pack, self._cells, self._cells.temps_degc()
        return BatteryReport(
            demand_v=demand.voltage_v,
            demand_a=demand.current_a,
            constant_voltage=demand.constant_voltage,
            voltage_v=pack.voltage_v * self.errors.voltage_gain,
            current_a=reading.current_a,
            soc_pct=reading.soc_pct,
            cell_max_v=reading.cell_max_v,
            cell_min_v=cells.cell_min_v + self.errors.cell_offset_v,
            cell_max_number=cells.cell_max_number,
            remaining_min=self._remaining_min(reading, demand),
            temp_max_degc=reading.temp_max_degc,
            temp_min_degc=reading.temp_min_degc,
            temp_max_point=temps.index(max(temps)) + 1,
            temp_min_point=temps.index(min(temps)) + 1,
            permitted=self.permitted,
            alarms=self.alarms,
            cells_v=self._cells_v,
            temps_degc=self._temps_degc,
        )

    def _measure(self) -> Reading:
        pack, cells, errors = self.pack, self._cells, self.errors
        temps = cells.temps_degc()
        return Reading(
            self.measured_current_a(),
            cells.cell_max_v + errors.cell_offset_v,
            cells.cell_mean_v + errors.cell_offset_v,
            min(max(pack.soc_pct + errors.soc_offset_pct, 0.0), 100.0),
            min(temps) + errors.temp_offset_k,
            max(temps) + errors.temp_offset_k,
        )

    def _remaining_min(self, reading: Reading, demand: Demand) -> int:
        """Minutes to the target at the present current (at the request while none flows); at most 600."""
        missing_ah = max(self.soc_target_pct - reading.soc_pct, 0.0) / 100.0 * self.pack.kind.capacity_ah
        current_a = reading.current_a if reading.current_a > 1.0 else demand.current_a
        return min(int(60.0 * missing_ah / current_a), 600) if current_a > 1.0 else 600
