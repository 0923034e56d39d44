"""Every message of GB/T 27930, in the order of the standard.

Declared here is the widest layout, that of the 2023 edition's class A; `protocols.gbt27930.editions` takes away or changes
what the 2015 and 2011 editions have otherwise. Charging current is positive here and negative on the wire (offset -400 A,
chapter 4.5). Unused bits are sent as ones (chapter 7.9); lengths and periods are those of table 1, its conflicts settled in
docs/decisions.md.
"""

from protocols.core.fields import flag, many, text, u
from protocols.core.message import Message

CHARGER, BMS = 0x56, 0xF4
"""The two node addresses (chapter 5)."""
BMS_TOO = 0xF5
"""An address that some vehicles have instead (field divergence 28); decoders take it for a vehicle's as well."""
VEHICLES = (BMS, BMS_TOO)

VERSIONS = {0x000100: "V1.0", 0x000101: "V1.1", 0x000102: "V1.2"}
READINESS = {0x00: "not ready", 0xAA: "ready", 0xFF: "invalid"}
NOT_READY, READY = 0x00, 0xAA
BATTERY_TYPES = {
    1: "lead-acid",
    2: "NiMH",
    3: "LiFePO4",
    4: "LiMn2O4",
    5: "LiCoO2",
    6: "ternary",
    7: "polymer Li-ion",
    8: "LTO",
    255: "other",
}
CONSTANT_VOLTAGE, CONSTANT_CURRENT = 1, 2
MODES = {CONSTANT_VOLTAGE: "constant voltage", CONSTANT_CURRENT: "constant current"}
HIGH_LOW = {0: "normal", 1: "too high", 2: "too low"}
PERMISSION = {0: "forbidden", 1: "permitted"}
TIMEOUT = {0: "normal", 1: "timed out", 2: "untrusted"}


# ---- handshake -------------------------------------------------------------------------------------------------------


class CHM(Message, pgn=0x2600, priority=6, period_us=250_000):
    """Charger handshake."""

    version: int = u(24, spn=2600, choices=VERSIONS)


class BHM(Message, pgn=0x2700, priority=6, period_us=250_000):
    """Vehicle handshake; its value limits the insulation-test voltage."""

    voltage_max_v: float = u(16, lsb=0.1, unit="V", spn=2601)


# ---- identification --------------------------------------------------------------------------------------------------


class CRM(Message, pgn=0x0100, priority=6, period_us=250_000, shortest=1):
    """Charger identification; *result* 0xAA once the vehicle is identified."""

    result: int = u(8, spn=2560, choices={0x00: "not identified", 0xAA: "identified"})
    number: int | None = u(32, spn=2561, default=1)
    area: str | None = text(3, spn=2562, default=None)


class BRM(Message, pgn=0x0200, priority=7, period_us=250_000, shortest=8):
    """BMS and vehicle identification. 49 bytes; 41, without the software version, in the 2011 edition."""

    version: int = u(24, spn=2565, choices=VERSIONS)
    battery_type: int = u(8, spn=2566, choices=BATTERY_TYPES)
    capacity_ah: float = u(16, lsb=0.1, unit="Ah", low=0, high=1000, spn=2567)
    voltage_v: float = u(16, lsb=0.1, unit="V", spn=2568)
    maker: str | None = text(4, spn=2569, default=None)
    pack_serial: int | None = u(32, spn=2570, default=None)
    made_year: int | None = u(8, offset=1985, low=1985, high=2235, spn=2571, default=None)
    made_month: int | None = u(8, low=1, high=12, spn=2571, default=None)
    made_day: int | None = u(8, low=1, high=31, spn=2571, default=None)
    charge_count: int | None = u(24, spn=2572, default=None)
    ownership: int | None = u(8, spn=2573, default=None, choices={0: "leased", 1: "owned"})
    reserved: int | None = u(8, spn=2574, default=None)
    vin: str | None = text(17, spn=2575, default=None)
    software_serial: int | None = u(8, spn=2576, default=None)
    software_day: int | None = u(8, low=1, high=31, spn=2576, default=None)
    software_month: int | None = u(8, low=1, high=12, spn=2576, default=None)
    software_year: int | None = u(16, spn=2576, default=None)
    software_reserved: int | None = u(24, spn=2576, default=None)


# ---- configuration ---------------------------------------------------------------------------------------------------


class BCP(Message, pgn=0x0600, priority=7, period_us=500_000):
    """Battery charging parameters."""

    cell_voltage_max_v: float = u(16, lsb=0.01, unit="V", low=0, high=24, spn=2816)
    current_max_a: float = u(16, lsb=-0.1, offset=400, unit="A", low=0, high=400, spn=2817)
    energy_kwh: float = u(16, lsb=0.1, unit="kWh", low=0, high=1000, spn=2818)
    voltage_max_v: float = u(16, lsb=0.1, unit="V", spn=2819)
    temp_max_degc: int = u(8, offset=-50, unit="degC", low=-50, high=200, spn=2820)
    soc_pct: float = u(16, lsb=0.1, unit="%", low=0, high=100, spn=2821)
    voltage_v: float = u(16, lsb=0.1, unit="V", spn=2822)


class CTS(Message, pgn=0x0700, priority=6, period_us=500_000):
    """Time of the charger as packed BCD: 0x36 is 36, 0x2015 is 2015 (on the wire 15 20). The whole message is optional."""

    second: int | None = u(8, spn=2823, default=None)
    minute: int | None = u(8, spn=2823, default=None)
    hour: int | None = u(8, spn=2823, default=None)
    day: int | None = u(8, spn=2823, default=None)
    month: int | None = u(8, spn=2823, default=None)
    year: int | None = u(16, spn=2823, default=None)


class CML(Message, pgn=0x0800, priority=6, period_us=250_000, shortest=6):
    """Maximum output capability of the charger."""

    voltage_max_v: float = u(16, lsb=0.1, unit="V", spn=2824)
    voltage_min_v: float = u(16, lsb=0.1, unit="V", spn=2825)
    current_max_a: float = u(16, lsb=-0.1, offset=400, unit="A", low=0, high=400, spn=2826)
    current_min_a: float | None = u(16, lsb=-0.1, offset=400, unit="A", low=0, high=400, spn=2827)


class BRO(Message, pgn=0x0900, priority=4, period_us=250_000):
    """Battery ready for charging."""

    ready: int = u(8, spn=2829, choices=READINESS)


class CRO(Message, pgn=0x0A00, priority=4, period_us=250_000):
    """Charger output ready."""

    ready: int = u(8, spn=2830, choices=READINESS)


# ---- charging --------------------------------------------------------------------------------------------------------


class BCL(Message, pgn=0x1000, priority=6, period_us=50_000):
    """Battery charging demand."""

    voltage_v: float = u(16, lsb=0.1, unit="V", spn=3072)
    current_a: float = u(16, lsb=-0.1, offset=400, unit="A", low=0, high=400, spn=3073)
    mode: int = u(8, spn=3074, choices=MODES)


class BCS(Message, pgn=0x1100, priority=7, period_us=250_000):
    """Battery charging total status, as the vehicle measures it."""

    voltage_v: float = u(16, lsb=0.1, unit="V", spn=3075)
    current_a: float = u(16, lsb=-0.1, offset=400, unit="A", spn=3076)
    cell_voltage_max_v: float = u(12, lsb=0.01, unit="V", low=0, high=24, spn=3077)
    cell_group: int = u(4, low=0, high=15, spn=3077)
    soc_pct: int = u(8, unit="%", low=0, high=100, spn=3078)
    remaining_min: int = u(16, unit="min", low=0, high=600, spn=3079)


class CCS(Message, pgn=0x1200, priority=6, period_us=50_000, shortest=6):
    """Charger charging status, as the charger measures it. 7 bytes; some chargers send 8, those of 2011 send 6."""

    voltage_v: float = u(16, lsb=0.1, unit="V", spn=3081)
    current_a: float = u(16, lsb=-0.1, offset=400, unit="A", spn=3082)
    elapsed_min: int = u(16, unit="min", low=0, high=600, spn=3083)
    permitted: int | None = u(2, spn=3929, choices={0: "pause", 1: "permitted"})


class BSM(Message, pgn=0x1300, priority=6, period_us=250_000):
    """Battery status information."""

    cell_voltage_max_number: int = u(8, offset=1, low=1, high=256, spn=3085)
    temp_max_degc: int = u(8, offset=-50, unit="degC", low=-50, high=200, spn=3086)
    temp_max_point: int = u(8, offset=1, low=1, high=128, spn=3087)
    temp_min_degc: int = u(8, offset=-50, unit="degC", low=-50, high=200, spn=3088)
    temp_min_point: int = u(8, offset=1, low=1, high=128, spn=3089)
    cell_voltage: int = flag(spn=3090, choices=HIGH_LOW)
    soc: int = flag(spn=3091, choices=HIGH_LOW)
    overcurrent: int = flag(spn=3092)
    overtemperature: int = flag(spn=3093)
    insulation: int = flag(spn=3094)
    connector: int = flag(spn=3095)
    permitted: int = flag(spn=3096, choices=PERMISSION, default=1)

    @property
    def abnormal(self) -> list[str]:
        """The names of the states that are neither normal nor untrusted (C.3: an untrusted code is ignored)."""
        states = ("cell_voltage", "soc", "overcurrent", "overtemperature", "insulation", "connector")
        bad = {"cell_voltage": (1, 2), "soc": (1, 2)}
        return [name for name in states if getattr(self, name) in bad.get(name, (1,))]


class Cell(Message):
    """One cell of BMV."""

    voltage_v: float = u(12, lsb=0.01, unit="V", low=0, high=24)
    group: int = u(4, low=0, high=15)


class BMV(Message, pgn=0x1500, priority=7, period_us=10_000_000):
    """Voltages of 1..256 cells (SPN 3101..3356)."""

    cells: tuple[Cell, ...] = many(Cell, most=256, spn=3101)


class TemperaturePoint(Message):
    """One point of BMT."""

    temp_degc: int = u(8, offset=-50, unit="degC", low=-50, high=200)


class BMT(Message, pgn=0x1600, priority=7, period_us=10_000_000):
    """Temperatures of 1..128 points (SPN 3361..3488)."""

    points: tuple[TemperaturePoint, ...] = many(TemperaturePoint, most=128, spn=3361)


class ReservedByte(Message):
    """One byte of BSP."""

    value: int = u(8)


class BSP(Message, pgn=0x1700, priority=7, period_us=10_000_000):
    """1..16 reserved fields (SPN 3491..3506)."""

    values: tuple[ReservedByte, ...] = many(ReservedByte, most=16, spn=3491)


class BST(Message, pgn=0x1900, priority=4, period_us=10_000):
    """BMS stops charging: reasons, faults, errors."""

    soc_reached: int = flag(spn=3511)
    voltage_reached: int = flag(spn=3511)
    cell_voltage_reached: int = flag(spn=3511)
    charger_initiated: int | None = flag(spn=3511)
    insulation: int = flag(spn=3512)
    connector_overtemperature: int = flag(spn=3512)
    component_overtemperature: int = flag(spn=3512)
    connector: int = flag(spn=3512)
    battery_overtemperature: int = flag(spn=3512)
    hv_relay: int | None = flag(spn=3512)
    detection_point_2: int | None = flag(spn=3512)
    other: int = flag(spn=3512)
    excessive_current: int = flag(spn=3513)
    voltage_abnormal: int = flag(spn=3513)
    parameter_mismatch: int | None = flag()


class CST(Message, pgn=0x1A00, priority=4, period_us=10_000):
    """Charger stops charging: reasons, faults, errors."""

    condition_reached: int = flag(spn=3521)
    manual: int = flag(spn=3521)
    fault: int = flag(spn=3521)
    bms_initiated: int | None = flag(spn=3521)
    overtemperature: int = flag(spn=3522)
    connector: int = flag(spn=3522)
    internal_overtemperature: int = flag(spn=3522)
    energy: int = flag(spn=3522)
    emergency_stop: int = flag(spn=3522)
    other: int = flag(spn=3522)
    self_check: int | None = flag()
    precharge: int | None = flag()
    current_mismatch: int = flag(spn=3523)
    voltage_abnormal: int = flag(spn=3523)
    parameter_mismatch: int | None = flag()


# ---- end of charging -------------------------------------------------------------------------------------------------


class BSD(Message, pgn=0x1C00, priority=6, period_us=250_000):
    """Statistics of the BMS."""

    soc_pct: int = u(8, unit="%", low=0, high=100, spn=3601)
    cell_voltage_min_v: float = u(16, lsb=0.01, unit="V", low=0, high=24, spn=3602)
    cell_voltage_max_v: float = u(16, lsb=0.01, unit="V", low=0, high=24, spn=3603)
    temp_min_degc: int = u(8, offset=-50, unit="degC", low=-50, high=200, spn=3604)
    temp_max_degc: int = u(8, offset=-50, unit="degC", low=-50, high=200, spn=3605)


class CSD(Message, pgn=0x1D00, priority=6, period_us=250_000, shortest=5):
    """Statistics of the charger."""

    elapsed_min: int = u(16, unit="min", low=0, high=600, spn=3611)
    energy_kwh: float = u(16, lsb=0.1, unit="kWh", low=0, high=1000, spn=3612)
    number: int | None = u(32, spn=3613, default=1)


# ---- errors ----------------------------------------------------------------------------------------------------------


class BEM(Message, pgn=0x1E00, priority=2, period_us=250_000, length=4):
    """BMS error: which message of the charger did not come in time."""

    crm_00: int = flag(spn=3901, at="1.1", choices=TIMEOUT)
    crm_aa: int = flag(spn=3902, at="1.3", choices=TIMEOUT)
    cml: int = flag(spn=3903, at="2.1", choices=TIMEOUT)
    cro: int = flag(spn=3904, at="2.3", choices=TIMEOUT)
    ccs: int = flag(spn=3905, at="3.1", choices=TIMEOUT)
    cst: int = flag(spn=3906, at="3.3", choices=TIMEOUT)
    csd: int = flag(spn=3907, at="4.1", choices=TIMEOUT)
    other: int | None = u(6, at="4.3", default=None)


class CEM(Message, pgn=0x1F00, priority=2, period_us=250_000, length=4):
    """Charger error: which message of the BMS did not come in time. *bsm* is new in 2023, its place not public."""

    brm: int = flag(spn=3921, at="1.1", choices=TIMEOUT)
    bcp: int = flag(spn=3922, at="2.1", choices=TIMEOUT)
    bro: int = flag(spn=3923, at="2.3", choices=TIMEOUT)
    bcs: int = flag(spn=3924, at="3.1", choices=TIMEOUT)
    bcl: int = flag(spn=3925, at="3.3", choices=TIMEOUT)
    bst: int = flag(spn=3926, at="3.5", choices=TIMEOUT)
    bsm: int | None = flag(at="3.7", choices=TIMEOUT)
    bsd: int = flag(spn=3927, at="4.1", choices=TIMEOUT)
    other: int | None = u(6, at="4.3", default=None)


# ---- diagnosis (annex B, informative) --------------------------------------------------------------------------------

FAILURES = {
    0: "battery voltage",
    1: "battery current",
    2: "battery temperature",
    3: "insulation",
    4: "output connector overtemperature",
    5: "BMS component or output connector overtemperature",
    6: "charger temperature",
    7: "charger connector",
    8: "charger internal temperature",
}


class DTC(Message):
    """One diagnostic trouble code: which parameter (SPN), how it fails (FMI), how often."""

    spn: int = u(19)
    failure: int = u(5, choices=FAILURES)
    occurrences: int = u(7, low=0, high=127)
    conversion: int = u(1)


class DM1(Message, pgn=0x2000, priority=6, shortest=0):
    """Current trouble codes."""

    codes: tuple[DTC, ...] = many(DTC, most=446)


class DM2(Message, pgn=0x2100, priority=6, shortest=0):
    """Historic trouble codes."""

    codes: tuple[DTC, ...] = many(DTC, most=446)


class DM3(Message, pgn=0x2200, priority=6):
    """Diagnostic readiness: how many current and historic codes there are."""

    current: int = u(8)
    historic: int = u(8)


class DM4(Message, pgn=0x2300, priority=6):
    """Request to clear the current codes."""


class DM5(Message, pgn=0x2400, priority=6):
    """Request to clear the historic codes."""


class FreezeFrame(Message):
    """One trouble code of DM6 with the length of its freeze frame."""

    frame_length: int = u(8, unit="byte")
    spn: int = u(19)
    failure: int = u(5, choices=FAILURES)
    occurrences: int = u(7, low=0, high=127)
    conversion: int = u(1)


class DM6(Message, pgn=0x2500, priority=6, shortest=0):
    """Freeze frames."""

    codes: tuple[FreezeFrame, ...] = many(FreezeFrame, most=357)


FROM_CHARGER: tuple[type[Message], ...] = (CHM, CRM, CTS, CML, CRO, CCS, CST, CSD, CEM)
FROM_BMS: tuple[type[Message], ...] = (BHM, BRM, BCP, BRO, BCL, BCS, BSM, BMV, BMT, BSP, BST, BSD, BEM)
FROM_BOTH: tuple[type[Message], ...] = (DM1, DM2, DM3, DM4, DM5, DM6)
