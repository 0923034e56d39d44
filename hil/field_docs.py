"""What the sentences under the fields of a class say, and the units that names end in: descriptions for the JSON Schema."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

UNITS: Final[Mapping[str, str]] = {
    "s": "s", "us": "µs", "pct": "%", "degc": "°C", "k": "K", "ohm": "Ω", "v": "V", "a": "A", "wh": "Wh",
    "ohm_per_v": "Ω/V", "a_per_s": "A/s", "c": "C-rate",
}  # fmt: skip
"""By the end of a field's name; the longest fitting end counts."""


def describe(name: str, docs: Mapping[str, str]) -> str:
    """The description of field *name*: its sentence and its unit, as far as there are any."""
    unit = next((UNITS[end] for end in sorted(UNITS, key=len, reverse=True) if name.endswith(f"_{end}")), "")
    return " ".join(part for part in (docs.get(name, ""), f"[{unit}]" if unit else "") if part)


def docs_of(kind: type[Any]) -> dict[str, str]:
    """The sentence under each field of *kind* and of the classes it builds on."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        if each.__module__.split(".")[0] in ("hil", "firmware_model", "protocols"):
            found |= dict(_written(each))
    return found


def _written(kind: type[Any]) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in pairwise(definition.body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)):
            continue
        if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
            yield field.target.id, " ".join(text.value.value.split())
