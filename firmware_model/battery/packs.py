"""Traction batteries by name, from published pack data."""

from dataclasses import dataclass
from math import isfinite

from firmware_model.battery.chemistry import LFP, NMC, Chemistry
from firmware_model.battery.electrodes import Floats
from firmware_model.battery.spread import NEW, Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class PackType:
    """What a pack is made of: *series* groups of *parallel* cells; a group holds *capacity_ah* from 0 to 100 %."""

    chemistry: Chemistry
    series: int
    capacity_ah: float
    parallel: int = 1
    temp_sensors: int = 16
    wiring_ohm: float = 0.010
    """Bus bars, fuse and contactors of the pack (assumption)."""
    heat_capacity_j_per_kwh_k: float = 4_500
    """About 4.5 kg of cells per kWh at 1000 J/(kg K)."""
    cooling_tau_s: float = 1_200
    """Time constant towards the coolant temperature (liquid-cooled module: 600..1800 s)."""
    spread: Spread = NEW

    def __post_init__(self) -> None:
        whole = {"series": (1, 1_000), "parallel": (1, 200), "temp_sensors": (1, 1_000)}
        real = {
            "capacity_ah": (0.01, 1e5),
            "wiring_ohm": (0.0, 10.0),
            "heat_capacity_j_per_kwh_k": (1.0, 1e6),
            "cooling_tau_s": (1.0, 1e9),
        }
        for name, (low, high) in {**whole, **real}.items():
            value = getattr(self, name)
            if not (isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} = {value:g}: allowed is {low:g}..{high:g}")

    def constants(self) -> Floats:
        """What the kernel needs to know of its cells."""
        heat_capacity = self.heat_capacity_j_per_kwh_k * self.chemistry.ocv_at(0.5) / 1000.0
        return self.chemistry.constants(heat_capacity_j_per_ah_k=heat_capacity, cooling_tau_s=self.cooling_tau_s)

    @property
    def voltage_max_v(self) -> float:
        """Maximum permissible charge voltage: what BHM and BCP tell."""
        return self.series * self.chemistry.cell_max_v

    @property
    def voltage_nominal_v(self) -> float:
        """Open-circuit voltage at 50 %."""
        return self.series * self.chemistry.ocv_at(0.5)

    @property
    def energy_kwh(self) -> float:
        """Nominal energy."""
        return self.voltage_nominal_v * self.capacity_ah / 1000.0


PACKS = {
    "eu500": PackType(chemistry=NMC, series=90, capacity_ah=145, temp_sensors=32),
    "compact": PackType(chemistry=NMC, series=96, capacity_ah=150, temp_sensors=24),
    "model3_lfp": PackType(chemistry=LFP, series=106, capacity_ah=161),
    "model3_sr": PackType(chemistry=LFP, series=108, capacity_ah=173),
    "modely_byd": PackType(chemistry=LFP, series=105, capacity_ah=177.6),
    "han": PackType(chemistry=LFP, series=178, capacity_ah=135),
    "mini": PackType(chemistry=LFP, series=36, capacity_ah=120, temp_sensors=8),
    "bus": PackType(chemistry=LFP, series=176, capacity_ah=300, temp_sensors=96),
    "nmc_800v": PackType(chemistry=NMC, series=192, capacity_ah=120, temp_sensors=32),
}
"""Packs by name, one for each class of vehicle on the road."""
