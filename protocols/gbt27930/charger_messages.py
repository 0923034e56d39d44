"""What a charger's messages hold, from its rating, its measurements and its habits."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from protocols.core.message import Message
from protocols.gbt27930.charger_rules import StopCause
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.habits import ChargerHabits, Clock
from protocols.gbt27930.messages import CCS, CEM, CHM, CML, CRM, CRO, CSD, CST, CTS, NOT_READY, READY


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargerRating:
    """What the charger can deliver, as CML tells it. Signs: charging is positive."""

    voltage_max_v: float = 750.0
    voltage_min_v: float = 200.0
    current_max_a: float = 250.0
    current_min_a: float = 0.0


class ChargerReport(NamedTuple):
    """What the charger measures now, for CCS and CSD."""

    voltage_v: float
    current_a: float
    energy_wh: float


def chm(edition: Edition) -> Message:
    """The handshake, with the protocol version of *edition*."""
    return edition.layout(CHM)(version=edition.version)


def crm(edition: Edition, habits: ChargerHabits, *, identified: bool) -> Message:
    """The identification: number and area code as wide as the edition has them."""
    layout = edition.layout(CRM)
    _, number, area = layout.fields
    text = None if habits.area is None else habits.area.ljust(area.bits // 8)[: area.bits // 8]
    return layout(result=READY if identified else NOT_READY, number=_number(habits, number.ones), area=text)


def _number(habits: ChargerHabits, ones: int) -> int:
    return ones if habits.number is None else habits.number & ones


def cts(edition: Edition, clock: Clock | None, moment_s: int) -> Message | None:
    """The time *moment_s* (seconds since 1970) as this charger writes it."""
    if clock is None:
        return None
    layout = edition.layout(CTS)
    if clock is Clock.UNAVAILABLE:
        return layout()
    moment = datetime.fromtimestamp(moment_s, UTC)
    numbers = [moment.second, moment.minute, moment.hour, moment.day, moment.month, moment.year]
    if clock is not Clock.BINARY:
        numbers = [int(str(number), 16) for number in numbers]
    if clock is Clock.SWAPPED_YEAR:
        numbers[5] = numbers[5] >> 8 | (numbers[5] & 0xFF) << 8
    return layout(**dict(zip(("second", "minute", "hour", "day", "month", "year"), numbers, strict=True)))


def cml(edition: Edition, rating: ChargerRating) -> Message:
    """What the charger can deliver."""
    return _fill(
        edition.layout(CML),
        voltage_max_v=rating.voltage_max_v,
        voltage_min_v=rating.voltage_min_v,
        current_max_a=rating.current_max_a,
        current_min_a=rating.current_min_a,
    )


def cro(edition: Edition, *, ready: bool) -> Message:
    """Whether the output is ready."""
    return edition.layout(CRO)(ready=READY if ready else NOT_READY)


def ccs(edition: Edition, report: ChargerReport, elapsed_us: int, *, permitted: bool) -> Message:
    """What the charger measures. Whole minutes, as a test laboratory required."""
    layout = edition.layout(CCS)
    minutes = min(elapsed_us // 60_000_000, 600)
    if layout.fields[3].absent:
        return _fill(layout, voltage_v=report.voltage_v, current_a=report.current_a, elapsed_min=minutes)
    return layout(voltage_v=report.voltage_v, current_a=report.current_a, elapsed_min=minutes, permitted=int(permitted))


def cst(edition: Edition, cause: StopCause) -> Message:
    """Why the charger stops. A fault for which the edition has no flag is "other"; in 2011 none says that the BMS began."""
    layout = edition.layout(CST)
    known = {field.name for field in layout.available()}
    flags = {name: 1 for name in cause.value if name in known}
    if set(flags) == {"fault"}:
        flags["other"] = 1
    return layout(**flags)


def csd(edition: Edition, habits: ChargerHabits, report: ChargerReport, elapsed_us: int) -> Message:
    """Time, energy and the charger's number."""
    layout = edition.layout(CSD)
    energy_kwh = min(max(report.energy_wh / 1000, 0.0), 1000.0)
    number = _number(habits, layout.fields[2].ones)
    return layout(elapsed_min=min(elapsed_us // 60_000_000, 600), energy_kwh=energy_kwh, number=number)


def cem(edition: Edition, flag: str) -> Message:
    """Which message of the vehicle did not come in time."""
    return edition.layout(CEM)(**{flag: 1})


def _fill(layout: type[Message], **values: Any) -> Message:
    """*layout* with those of *values* that its edition has."""
    return layout(**{field.name: values[field.name] for field in layout.available()})
