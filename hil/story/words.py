"""Messages in the words of people who build chargers."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hil.story.protocol import version
from protocols.core.fields import Field
from protocols.core.message import Message

ACCUSES: Final = {
    "crm_00": "CRM(0x00)",
    "crm_aa": "CRM(0xAA)",
    "cml": "CML/CTS",
    "cro": "CRO",
    "ccs": "CCS",
    "cst": "CST",
    "csd": "CSD",
    "brm": "BRM",
    "bcp": "BCP",
    "bro": "BRO",
    "bcs": "BCS",
    "bcl": "BCL",
    "bst": "BST",
    "bsd": "BSD",
    "bsm": "BSM",
}
"""The message that a flag of BEM or CEM says is missing."""

_STOPS: Final = {
    "condition_reached": "charging condition reached",
    "manual": "manual stop",
    "fault": "fault",
    "bms_initiated": "asked for by the BMS",
    "charger_initiated": "asked for by the charger",
    "energy": "energy cannot be delivered",
    "soc_reached": "SOC target reached",
    "voltage_reached": "total voltage reached",
    "cell_voltage_reached": "cell voltage reached",
    "other": "other fault",
    "connector": "connector fault",
    "insulation": "insulation fault",
    "hv_relay": "high-voltage relay fault",
    "detection_point_2": "voltage at detection point 2",
    "self_check": "self-check fault",
    "precharge": "pre-charge fault",
}


def seconds(us: int) -> str:
    """A time in seconds with as many digits as it needs, at least one and at most three behind the point."""
    whole, _, fraction = f"{us / 1e6:.3f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'} s"


def flags(message: Message) -> list[Field]:
    """The 2-bit flags of *message* that are set to 01."""
    return [f for f in message.fields if f.bits == 2 and not f.absent and getattr(message, f.name) == 1]


def stop_words(message: Message) -> list[str]:
    """The reasons in a BST or CST."""
    return [_STOPS.get(field.name, field.name.replace("_", " ")) for field in flags(message)]


def error_words(message: Message) -> tuple[str, ...]:
    """The flags of a BEM or CEM with their parameter numbers."""
    return tuple(f"{ACCUSES[f.name]} timed out{f' (SPN {f.spn})' if f.spn else ''}" for f in flags(message))


def missed(message: Message) -> tuple[str, ...]:
    """The names of the messages that a BEM or CEM says are missing."""
    return tuple(_plain(field.name) for field in flags(message))


def describe(message: Message) -> str:
    """*message* in a few words, without its name."""
    words = _WORDS.get(message.title)
    return words(message) if words else ", ".join(f"{key} {value}" for key, value in message.as_dict().items())


def choice(message: Message, name: str) -> str:
    """The value of the field *name* in words."""
    field = next(field for field in message.fields if field.name == name)
    value = getattr(message, name)
    return (field.choices or {}).get(value, f"code {value}")


def _plain(flag: str) -> str:
    return {"crm_00": "CRM 00", "crm_aa": "CRM AA"}.get(flag, flag.upper())


def _ready(message: Any) -> str:
    return f"0x{message.ready:02X} {choice(message, 'ready')}"


def _brm(brm: Any) -> str:
    maker = f", maker {printable(brm.maker)}" if printable(brm.maker) else ""
    vin = f", VIN {printable(brm.vin)}" if printable(brm.vin) else ""
    kind = choice(brm, "battery_type")
    return f"{version(brm.version)}, {kind} {brm.capacity_ah:g} Ah {brm.voltage_v:g} V{maker}{vin}"


def _bcp(bcp: Any) -> str:
    return (
        f"battery at {bcp.voltage_v:g} V, SOC {bcp.soc_pct:g} %, {bcp.energy_kwh:g} kWh; at most {bcp.voltage_max_v:g} V, "
        f"{bcp.current_max_a:g} A, {bcp.cell_voltage_max_v:g} V a cell, {bcp.temp_max_degc} °C"
    )


def _cml(cml: Any) -> str:
    least = f"{cml.current_min_a:g}" if cml.current_min_a is not None else "?"
    return f"charger can {cml.voltage_min_v:g}..{cml.voltage_max_v:g} V, {least}..{cml.current_max_a:g} A"


def _clock(cts: Any) -> str:
    if None in tuple(cts):
        return "time not available"
    return f"{cts.year:04x}-{cts.month:02x}-{cts.day:02x} {cts.hour:02x}:{cts.minute:02x}:{cts.second:02x}"


def _bcs(bcs: Any) -> str:
    return (
        f"battery measures {bcs.voltage_v:g} V, {bcs.current_a:g} A, highest cell {bcs.cell_voltage_max_v:g} V, "
        f"SOC {bcs.soc_pct} %, {bcs.remaining_min} min to go"
    )


def _bsm(bsm: Any) -> str:
    states = ", ".join(name.replace("_", " ") for name in bsm.abnormal)
    return f"{states or 'all normal'}, charging {choice(bsm, 'permitted')}, {bsm.temp_min_degc}..{bsm.temp_max_degc} °C"


def _crm(crm: Any) -> str:
    number = "" if crm.number is None else f", charger number {crm.number}"
    return f"0x{crm.result:02X} {choice(crm, 'result')}{number}"


def _ccs(ccs: Any) -> str:
    said = "" if ccs.permitted is None else f", {choice(ccs, 'permitted')}"
    return f"output {ccs.voltage_v:g} V, {ccs.current_a:g} A{said}"


def printable(text: str | None) -> str:
    """*text* if it says anything, without filling."""
    kept = "".join(char for char in text or "" if char.isprintable() and char not in "\xff")
    return kept.strip()


_WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "CHM": lambda chm: version(chm.version),
    "BHM": lambda bhm: f"at most {bhm.voltage_max_v:g} V",
    "CRM": _crm,
    "BRM": _brm,
    "BCP": _bcp,
    "CTS": _clock,
    "CML": _cml,
    "BRO": _ready,
    "CRO": _ready,
    "BCL": lambda bcl: f"asks for {bcl.voltage_v:g} V, {bcl.current_a:g} A, {choice(bcl, 'mode')}",
    "BCS": _bcs,
    "CCS": _ccs,
    "BSM": _bsm,
    "BST": lambda bst: ", ".join(stop_words(bst)) or "no reason given",
    "CST": lambda cst: ", ".join(stop_words(cst)) or "no reason given",
    "BSD": lambda bsd: f"SOC {bsd.soc_pct} %, cells {bsd.cell_voltage_min_v:g}..{bsd.cell_voltage_max_v:g} V",
    "CSD": lambda csd: f"{csd.elapsed_min} min, {csd.energy_kwh:g} kWh",
    "BEM": lambda bem: ", ".join(error_words(bem)) or "no flag set",
    "CEM": lambda cem: ", ".join(error_words(cem)) or "no flag set",
    "BMV": lambda bmv: f"{len(bmv.cells)} cells, {_least_greatest([cell.voltage_v for cell in bmv.cells])} V",
    "BMT": lambda bmt: f"{len(bmt.points)} points, {_least_greatest([point.temp_degc for point in bmt.points])} °C",
    "BSP": lambda bsp: " ".join(f"{value.value:02X}" for value in bsp.values),
}


def _least_greatest(values: list[float]) -> str:
    return f"{min(values):g}..{max(values):g}"
