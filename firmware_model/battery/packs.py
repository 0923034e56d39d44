"""Traction batteries by name, from published pack data."""

from dataclasses import dataclass

from firmware_model.battery.chemistry import LFP, NMC, Chemistry


@dataclass(frozen=True, slots=True, kw_only=True)
class PackType:
    """What a pack is made of: *series* groups of cells of *capacity_ah* each."""

    chemistry: Chemistry
    series: int
    capacity_ah: float
    temp_sensors: int = 16
    wiring_ohm: float = 0.010
    """Bus bars, fuse and contactors of the pack (assumption)."""
    heat_capacity_j_per_kwh_k: float = 4_500
    """About 4.5 kg of cells per kWh at 1000 J/(kg K)."""
    cooling_tau_s: float = 1_200
    """Time constant towards the coolant temperature (liquid-cooled module: 600..1800 s)."""
    soc_sigma: float = 0.0025
    """Spread of the state of charge between cells (balanced pack), clipped at three sigma."""
    resistance_sigma: float = 0.025
    temp_sigma_k: float = 0.7

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
    "han": PackType(chemistry=LFP, series=178, capacity_ah=135),
    "mini": PackType(chemistry=LFP, series=36, capacity_ah=120, temp_sensors=8),
    "bus": PackType(chemistry=LFP, series=176, capacity_ah=300, temp_sensors=96),
    "nmc_800v": PackType(chemistry=NMC, series=192, capacity_ah=120, temp_sensors=32),
}
"""Packs by name, one for each class of vehicle on the road."""
