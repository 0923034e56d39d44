"""When a fault begins: conditions on what was sent and on physical signals, as words.

::

    CRO                a CRO was on the wire
    CRO.ready == 0xAA  ... with this value (also < <= > >= !=)
    BCL#100            the hundredth BCL
    #1000              the thousandth frame of all
    current_a > 50     a signal of the plant
"""

import re
from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from firmware_model.faults.place import near
from firmware_model.faults.rig import Rig
from firmware_model.faults.selector import Selector, is_long, sender_of
from protocols.core.errors import DecodeError, LocalError
from protocols.core.frame import Frame
from protocols.core.message import Message

Fire = Callable[[int], None]
OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"==": eq, "!=": ne, "<=": le, ">=": ge, "<": lt, ">": gt}
_FORM: Final = re.compile(
    r"\s*(?P<name>[A-Za-z_][A-Za-z_0-9]*)?(?:\.(?P<field>\w+))?(?:#(?P<nth>[1-9]\d*))?"
    r"(?:\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>\S+))?\s*"
)
SIGNALS: Final[Mapping[str, Callable[[Rig], float]]] = {
    "current_a": lambda rig: rig.pile.circuit.current_a,
    "interface_v": lambda rig: rig.pile.circuit.interface_v,
    "stage_v": lambda rig: rig.pile.circuit.stage_v,
    "energy_wh": lambda rig: rig.pile.circuit.energy_wh,
    "power_ac_w": lambda rig: rig.pile.circuit.power_ac_w,
    "plug_degc": lambda rig: max(rig.pile.circuit.plug.plus_degc, rig.pile.circuit.plug.minus_degc),
    "battery_v": lambda rig: rig.vehicle.pack.voltage_v,
    "battery_degc": lambda rig: rig.vehicle.pack.temp_degc,
    "soc_pct": lambda rig: 100 * rig.vehicle.pack.soc,
    "set_current_a": lambda rig: rig.pile.board.outputs.current_ma / 1000,
    "set_voltage_v": lambda rig: rig.pile.board.outputs.voltage_mv / 1000,
}
"""The physical truth by the names used in triggers; looked at after each step of the plant."""


class Wait:
    """Calls *fire* once when the condition *when* has come true after `start`. Raises LocalError for words that make no sense."""

    def __init__(self, rig: Rig, when: str, fire: Fire) -> None:
        self._rig, self._fire = rig, fire
        self._done = True
        self._match: Callable[[Frame], bool] | None = None
        self._signal: Callable[[], bool] = bool
        found = _FORM.fullmatch(when)
        if not found or not any(found.groups()):
            raise LocalError(
                f"when = {when!r}: a message (CRO), its field (CRO.ready == 0xAA), its number (BCL#100), "
                "or a signal (current_a > 50)"
            )
        name, field, nth, operator, value = found.groups()
        number = _number(when, value)
        if name in SIGNALS and operator and not field and not nth:
            holds, signal = OPERATORS[operator], SIGNALS[name]
            self._signal = lambda: holds(signal(rig), number)
        else:
            self._match = _message_match(rig, when, name, field, operator, number)
            self._nth, self._seen = int(nth or 1), 0

    def start(self) -> None:
        """Begin to look."""
        self._done = False
        if self._match is None:
            self._rig.watch(self._look)
        else:
            self._rig.bus.tap(self._hear)

    def _look(self, now: int) -> bool:
        """Whether there is nothing more to look for after the plant's step to *now*."""
        if not self._done and self._signal():
            self._done = True
            self._fire(now)
        return self._done

    def _hear(self, now: int, frame: Frame, _: str) -> None:
        if self._done or self._match is None or not self._match(frame):
            return
        self._seen += 1
        if self._seen == self._nth:
            self._done = True
            self._fire(now)


def _number(when: str, value: str | None) -> float:
    if value is None:
        return 0.0
    try:
        return float(int(value, 0)) if value.lower().startswith("0x") else float(value)
    except ValueError:
        raise LocalError(f"when = {when!r}: {value!r} is no number") from None


def _message_match(
    rig: Rig, when: str, name: str | None, field: str | None, operator: str | None, value: float
) -> Callable[[Frame], bool]:
    """Whether a frame is the message (its request, if it is long), with the field as wanted."""
    if name is None:
        if operator or field:
            raise LocalError(f"when = {when!r}: no message is named")
        return lambda _: True
    layout = rig.layouts.get(name)
    if layout is None:
        raise LocalError(f"when = {when!r}: no message or signal {name!r}{near(name, [*rig.layouts, *SIGNALS])}")
    if bool(operator) is not bool(field):
        raise LocalError(f"when = {when!r}: a message is compared by its fields, for example {name}.{_first(layout)} == 1")
    selector = Selector(layout, "RTS" if is_long(layout) else None)
    if field is None or operator is None:
        return lambda frame: selector(frame) is not None
    if field not in [known.name for known in layout.available()]:
        raise LocalError(f"when = {when!r}: {name} has no {field!r}{near(field, [f.name for f in layout.available()])}")
    if is_long(layout):
        raise LocalError(
            f"when = {when!r}: {name} of the {sender_of(name)} travels in packets; only messages of one frame have fields here"
        )
    return _field_match(selector, layout, field, OPERATORS[operator], value)


def _field_match(
    selector: Selector, layout: type[Message], field: str, holds: Callable[[Any, Any], bool], value: float
) -> Callable[[Frame], bool]:
    def match(frame: Frame) -> bool:
        if selector(frame) is None:
            return False
        try:
            got = getattr(layout.decode(frame.data), field)
        except DecodeError:
            return False
        return got is not None and holds(got, value)

    return match


def _first(layout: type[Message]) -> str:
    return next((field.name for field in layout.available()), "field")
