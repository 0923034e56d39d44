"""What happened in a run, as plain values for `events.json`: changes of state, time limits that ran out, faults."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from firmware_model.faults.fault import Injected, Lifted, TookEffect
from firmware_model.trace import Happening, Trace
from protocols.core.session import Moved, TimedOut
from protocols.gbt27930.outcome import Ended

Event = dict[str, Any]
_FAULT_WORDS = {Injected: "fault begins", TookEffect: "fault takes effect", Lifted: "fault ends"}


def events_of(trace: Trace) -> list[Event]:
    """Every happening of *trace* in time order."""
    return [event_of(happening) for happening in trace.happenings]


def event_of(happening: Happening) -> Event:
    """One happening: *at_s*, *who*, its *kind*, *text* in words, the *clause* if it has one, and its values."""
    what = happening.what
    values = {field.name: _plain(getattr(what, field.name)) for field in fields(what)} if is_dataclass(what) else {}
    clause = values.pop("clause", "")
    return {
        "at_s": happening.at / 1e6,
        "who": happening.who,
        "kind": type(what).__name__,
        "text": _text(what, values),
        "clause": clause,
        **({"values": values} if values else {}),
    }


def _text(what: Any, values: dict[str, Any]) -> str:
    if isinstance(what, Moved):
        return f"{_words(what.before)} → {_words(what.after)}, because {_words(what.given)}"
    if isinstance(what, TimedOut):
        return f"time limit {what.timer} exceeded ({what.limit_us / 1e6:g} s)"
    if isinstance(what, Injected | TookEffect | Lifted):
        return f"{_FAULT_WORDS[type(what)]}: {what.fault}"
    if isinstance(what, Ended):
        return f"ended: {what.reason}"
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items()) or str(what)


def _words(value: Any) -> str:
    return value.name.lower().replace("_", " ") if isinstance(value, Enum) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, frozenset | set | tuple | list):
        items = [_plain(item) for item in value]
        return sorted(items, key=str) if isinstance(value, frozenset | set) else items
    return value if isinstance(value, int | float | str | bool | None) else str(value)
