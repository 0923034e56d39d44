"""Moments of a run, as words: a message, its field, a phase of the pile, a fault, or a signal that reaches a value.

::

    CST                    the message is on the wire (its request, if it travels in packets)
    CRO.ready == 0xAA      ... with this value (also < <= > >= !=)
    STOPPING               the pile's session enters this phase
    fault                  a fault of the scenario is injected
    output current <= 5    a recorded signal is so
"""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from firmware_model.faults.fault import Injected
from firmware_model.faults.selector import Selector, is_long
from firmware_model.happenings import PHASES
from firmware_model.recorder import SIGNALS
from firmware_model.trace import Trace
from protocols.core.errors import DecodeError
from protocols.core.message import Message
from protocols.core.session import Moved
from protocols.gbt27930.editions import EDITIONS

Find = Callable[[Trace, int], int | None]
"""When (µs) it is so for the first time at or after the given time (µs); None for never."""
Compare = Callable[[Any, Any], bool]
OPERATORS: Final[Mapping[str, Compare]] = {"==": eq, "!=": ne, "<=": le, ">=": ge, "<": lt, ">": gt}
_FORM: Final = re.compile(r"\s*(?P<name>[^=!<>]*[^=!<>\s])\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>\S+)\s*)?")


def moment(words: str) -> Find:
    """What finds *words* in a trace. Raises ValueError, with near names, for words that make no sense."""
    found = _FORM.fullmatch(words)
    if not found:
        raise ValueError(f"{words!r}: a message (CST), its field (CRO.ready == 0xAA), a phase, fault, or output current <= 5")
    name, operator, value = found.groups()
    title, _, field = name.partition(".")
    layouts = EDITIONS["2015"].messages
    if name in SIGNALS and operator:
        return _signal(name, OPERATORS[operator], _number(words, value))
    if title in layouts and bool(operator) is bool(field):
        return _message(layouts[title], field, OPERATORS[operator or "=="], _number(words, value or "0"))
    if name in PHASES and not operator:
        return lambda trace, since: _first(trace, since, Moved, lambda event: getattr(event.after, "name", "") == name, "charger")
    if name == "fault" and not operator:
        return lambda trace, since: _first(trace, since, Injected, lambda event: True, None)
    near = get_close_matches(name, [*layouts, *PHASES, *SIGNALS, "fault"], n=3)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise ValueError(f"{words!r} is no moment of a run{hint}")


def _number(words: str, value: str) -> float:
    try:
        return float(int(value, 0)) if value.lower().startswith("0x") else float(value)
    except ValueError:
        raise ValueError(f"{words!r}: {value!r} is no number") from None


def _first(trace: Trace, since: int, kind: type[Any], holds: Callable[[Any], bool], who: str | None) -> int | None:
    return next((h.at for h in trace.of(kind, who) if h.at >= since and holds(h.what)), None)


def _signal(name: str, holds: Compare, value: float) -> Find:
    def find(trace: Trace, since: int) -> int | None:
        signal = trace.signals[name]
        now = signal.at(since)
        if now is not None and holds(now, value):
            return since
        entries = zip(signal.times_us, signal.values, strict=True)
        return next((at for at, got in entries if at >= since and holds(got, value)), None)

    return find


def _message(layout: type[Message], field: str, holds: Compare, value: float) -> Find:
    known = [each.name for each in layout.available()]
    if field and field not in known:
        raise ValueError(f"{layout.title} has no field {field!r}; near: {', '.join(get_close_matches(field, known) or known)}")
    if field and is_long(layout):
        raise ValueError(f"{layout.title} travels in packets; only messages of one frame have fields here")

    def find(trace: Trace, since: int) -> int | None:
        times = _sent(trace, layout, field, holds, value)
        return next((at for at in times if at >= since), None)

    return find


def _sent(trace: Trace, layout: type[Message], field: str, holds: Compare, value: float) -> Iterator[int]:
    selector = Selector(layout, "RTS" if is_long(layout) else None)
    for at, frame in trace.log():
        if selector(frame) is None:
            continue
        if not field or _says(layout, frame.data, field, holds, value):
            yield at


def _says(layout: type[Message], data: bytes, field: str, holds: Compare, value: float) -> bool:
    try:
        got = getattr(layout.decode(data), field)
    except DecodeError:
        return False
    return got is not None and holds(got, value)
