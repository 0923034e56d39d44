"""What a vehicle's messages hold, from its identity, its measurements and its wishes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from protocols.core.message import Message
from protocols.gbt27930.bms_rules import BmsStopCause
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.messages import (
    BCL,
    BCP,
    BCS,
    BEM,
    BHM,
    BMT,
    BMV,
    BRM,
    BRO,
    BSD,
    BSM,
    BSP,
    BST,
    CONSTANT_CURRENT,
    CONSTANT_VOLTAGE,
    NOT_READY,
    READY,
    Cell,
    ReservedByte,
    TemperaturePoint,
)

CELLS_PER_GROUP = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleIdentity:
    """What BHM, BRM and BCP say about the vehicle; it does not change while charging."""

    voltage_max_v: float = 420.0
    """Greatest permissible charging voltage of the pack (BHM, BCP)."""
    cell_voltage_max_v: float = 4.2
    current_max_a: float = 150.0
    energy_kwh: float = 48.0
    temp_max_degc: int = 55
    battery_type: int = 6
    capacity_ah: float = 145.0
    nominal_voltage_v: float = 330.0
    maker: str = "PBEN"
    vin: str = "LPB00000000000001"
    version: int | None = None
    """Protocol version in BRM; None: the edition's."""


class BatteryReport(NamedTuple):
    """What the vehicle measures and wants now. Charging is positive; cells and points are numbered from 1."""

    demand_v: float
    demand_a: float
    constant_voltage: bool
    voltage_v: float
    current_a: float
    soc_pct: float
    cell_max_v: float
    cell_min_v: float
    cell_max_number: int = 1
    remaining_min: int = 0
    temp_max_degc: float = 25.0
    temp_min_degc: float = 25.0
    temp_max_point: int = 1
    temp_min_point: int = 1
    permitted: bool = True
    alarms: frozenset[str] = frozenset()
    """States of BSM that are abnormal, by field name."""
    cells_v: Sequence[float] = ()
    temps_degc: Sequence[float] = ()


def bhm(edition: Edition, identity: VehicleIdentity) -> Message:
    """The greatest voltage the pack bears."""
    return edition.layout(BHM)(voltage_max_v=identity.voltage_max_v)


def brm(edition: Edition, identity: VehicleIdentity) -> Message:
    """Who the vehicle is."""
    return edition.layout(BRM)(
        version=edition.version if identity.version is None else identity.version,
        battery_type=identity.battery_type,
        capacity_ah=identity.capacity_ah,
        voltage_v=identity.nominal_voltage_v,
        maker=identity.maker,
        vin=identity.vin,
    )


def bcp(edition: Edition, identity: VehicleIdentity, report: BatteryReport) -> Message:
    """The limits and the present state of the pack."""
    return edition.layout(BCP)(
        cell_voltage_max_v=identity.cell_voltage_max_v,
        current_max_a=identity.current_max_a,
        energy_kwh=identity.energy_kwh,
        voltage_max_v=identity.voltage_max_v,
        temp_max_degc=identity.temp_max_degc,
        soc_pct=report.soc_pct,
        voltage_v=report.voltage_v,
    )


def bro(edition: Edition, *, ready: bool) -> Message:
    """Whether the battery is ready."""
    return edition.layout(BRO)(ready=READY if ready else NOT_READY)


def bcl(edition: Edition, report: BatteryReport) -> Message:
    """What the vehicle demands."""
    mode = CONSTANT_VOLTAGE if report.constant_voltage else CONSTANT_CURRENT
    return edition.layout(BCL)(voltage_v=report.demand_v, current_a=report.demand_a, mode=mode)


def bcs(edition: Edition, report: BatteryReport) -> Message:
    """What the vehicle measures. Groups of 16 cells; the 2011 edition counts them from 1."""
    layout = edition.layout(BCS)
    group = min((report.cell_max_number - 1) // CELLS_PER_GROUP, 15) + int(layout.fields[3].offset)
    return layout(
        voltage_v=report.voltage_v,
        current_a=report.current_a,
        cell_voltage_max_v=report.cell_max_v,
        cell_group=group,
        soc_pct=int(report.soc_pct),
        remaining_min=min(report.remaining_min, 600),
    )


def bsm(edition: Edition, report: BatteryReport) -> Message:
    """The state of the battery."""
    return edition.layout(BSM)(
        cell_voltage_max_number=report.cell_max_number,
        temp_max_degc=round(report.temp_max_degc),
        temp_max_point=report.temp_max_point,
        temp_min_degc=round(report.temp_min_degc),
        temp_min_point=report.temp_min_point,
        permitted=int(report.permitted),
        **dict.fromkeys(report.alarms, 1),
    )


def bmv(edition: Edition, report: BatteryReport) -> Message | None:
    """The voltage of every cell; None if the vehicle does not tell."""
    cells = enumerate(report.cells_v[:256])
    made = tuple(Cell(voltage_v=voltage_v, group=i // CELLS_PER_GROUP) for i, voltage_v in cells)
    return edition.layout(BMV)(cells=made) if made else None


def bmt(edition: Edition, report: BatteryReport) -> Message | None:
    """The temperature of every point; None if the vehicle does not tell."""
    points = tuple(TemperaturePoint(temp_degc=round(temp_degc)) for temp_degc in report.temps_degc[:128])
    return edition.layout(BMT)(points=points) if points else None


def bsp(edition: Edition) -> Message:
    """The reserved fields, all unused."""
    return edition.layout(BSP)(values=(ReservedByte(value=0xFF),) * 16)


def bst(edition: Edition, cause: BmsStopCause) -> Message:
    """Why the vehicle stops. A fault for which the edition has no flag is "other"; in 2011 none says that the charger began."""
    layout = edition.layout(BST)
    known = {field.name for field in layout.available()}
    nameless = () if cause is BmsStopCause.BY_CHARGER else ("other",)
    return layout(**dict.fromkeys((cause.value,) if cause.value in known else nameless, 1))


def bsd(edition: Edition, report: BatteryReport) -> Message:
    """The state of the battery at the end."""
    return edition.layout(BSD)(
        soc_pct=int(report.soc_pct),
        cell_voltage_min_v=report.cell_min_v,
        cell_voltage_max_v=report.cell_max_v,
        temp_min_degc=round(report.temp_min_degc),
        temp_max_degc=round(report.temp_max_degc),
    )


def bem(edition: Edition, flag: str) -> Message:
    """Which message of the charger did not come in time."""
    return edition.layout(BEM)(**{flag: 1})
