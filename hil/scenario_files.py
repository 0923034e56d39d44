"""Scenario files: find, read, override, check. Every complaint names the file, the key, what is allowed and the nearest key."""

import dataclasses
import difflib
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import reduce
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from hil.errors import BadInput
from hil.scenario import Scenario
from hil.toml_lines import line_of

Table = dict[str, Any]
T = TypeVar("T")


def shipped() -> Mapping[str, Path]:
    """The scenarios that come with pilebench, by name."""
    folder = Path(str(files("hil.scenarios")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name: str, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario *name* (one of ours, or a path to a TOML file) with *overrides* ("key.key=value") applied."""
    path = find(name)
    table = inherited(path)
    for override in overrides:
        _set(table, override)
    source = str(path) if path.parent != _ours() else f"scenario {path.stem}"
    return check(table, source, path.read_text(encoding="utf-8"))


def inherited(path: Path) -> Table:
    """What *path* says, laid over what its `base` says. Tables are merged key by key; lists and values are replaced."""
    return reduce(merged, (table for _, table in reversed(list(layers(path)))))


def layers(path: Path) -> Iterator[tuple[Path, Table]]:
    """The file *path* and what it says, then the file that its `base` names: one beside it, one of ours, or a path; and so on."""
    seen: list[Path] = []
    following: Path | None = path
    while following is not None:
        seen.append(following.resolve())
        table = read_toml(following)
        base = table.pop("base", None)
        yield following, table
        following = _base(following, base) if base is not None else None
        if following is not None and following.resolve() in seen:
            raise BadInput(f"{seen[-1]}: base = {base!r} leads back to itself")


def _base(path: Path, base: object) -> Path:
    if not isinstance(base, str):
        raise BadInput(f"{path}: base = {base!r}: the name of a scenario, or the path of a .toml file")
    beside = path.parent / f"{base}.toml"
    found = beside if beside.is_file() else shipped().get(base) or path.parent / base
    if found.suffix != ".toml":
        near = difflib.get_close_matches(base, shipped(), n=1)
        raise BadInput(f"{path}: base = {base!r}: {f'did you mean {near[0]!r}? ' if near else ''}ours are {', '.join(shipped())}")
    return found


def merged(base: Table, over: Table) -> Table:
    """*base* with everything that *over* says instead."""
    both = {key: merged(base[key], value) for key, value in over.items() if _tables(base.get(key), value)}
    return {**base, **over, **both}


def _tables(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def check(table: Table, source: str, text: str = "") -> Scenario:
    """*table* as a `Scenario`; *source* names it in complaints, which give the line of the key if it stands in *text*."""
    _hex_to_bytes(table)
    return checked(table, Scenario, source, text)


def checked(table: Table, kind: type[T], source: str, text: str = "") -> T:
    """*table* as a *kind* of struct. Raises `BadInput` with file, line, key, value, and what is allowed."""
    for path, key, allowed in _unknown(table, kind, ""):
        near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(allowed)}"
        full = f"{path}.{key}".lstrip(".")
        raise BadInput(f"{source}{_line(text, _keys(full))}: unknown key {full!r}: {hint}")
    try:
        return msgspec.convert(table, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        words, keys = _explain(str(error), table, kind)
        raise BadInput(f"{source}{_line(text, keys)}: {words}") from None


def _line(text: str, keys: Sequence[str | int]) -> str:
    number = line_of(text, keys)
    return f", line {number}" if number else ""


def _keys(path: str) -> list[str | int]:
    """The parts of "script[1].do"."""
    return [int(part[1:-1]) if part.startswith("[") else part for part in path.replace("[", ".[").split(".")]


def _ours() -> Path:
    return Path(str(files("hil.scenarios")))


def find(name: str) -> Path:
    """The file of scenario *name*: one of ours, or a path."""
    known = shipped()
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return path
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise BadInput(f"no scenario {name!r}: {hint}Ours are {', '.join(known)}; or give the path of a .toml file")


def read_toml(path: Path) -> Table:
    """What stands in *path*. Raises `BadInput`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: not TOML: {error}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a text file; it must be TOML in UTF-8") from None
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def _set(table: Table, override: str) -> None:
    """Apply "a.b=value"; the value is TOML, or a plain word where it is none or where the key takes words."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise BadInput(f"--set {override!r}: write key=value, for example --set vehicle.soc_pct=50")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = keys = key.strip().split(".")
    kind = _kind(keys)
    if kind is str or get_origin(kind) is Literal:
        value = value if isinstance(value, str) else text.strip()
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise BadInput(f"--set {override!r}: {parent!r} is not a table")
    table[last] = value


def _unknown(table: Any, kind: Any, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Keys of *table* that *kind* (a struct or dataclass, or something that holds one) does not have."""
    kind = _inner(kind)
    if isinstance(table, list):
        for index, item in enumerate(table):
            yield from _unknown(item, (get_args(kind) or (Any,))[0], f"{path}[{index}]")
    elif isinstance(table, dict) and (dataclasses.is_dataclass(kind) or _is_struct(kind)):
        hints = get_type_hints(kind)
        known = [name for name in hints if not name.startswith("_") and _settable(kind, name)]
        for key, value in table.items():
            if key not in known:
                yield path, key, known
            else:
                yield from _unknown(value, hints[key], f"{path}.{key}".lstrip("."))
    elif isinstance(table, dict) and len(get_args(kind)) == 2:
        for key, value in table.items():
            yield from _unknown(value, get_args(kind)[1], f"{path}.{key}")


def _inner(kind: Any) -> Any:
    """What is left of *kind* without "or None"."""
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [arg for arg in get_args(kind) if arg is not type(None)]
        return kinds[0] if len(kinds) == 1 else kind
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _settable(kind: Any, name: str) -> bool:
    return _is_struct(kind) or any(field.name == name and field.init for field in dataclasses.fields(kind))


def _hex_to_bytes(table: Table) -> None:
    """Payload edits are written in hex, as everything on a wire is."""
    for side in ("vehicle", "pile"):
        edits = _at(table, [side, "habits", "raw"])
        for name, edit in edits.items() if isinstance(edits, dict) else ():
            for key in ("clear", "set"):
                if isinstance(edit, dict) and isinstance(edit.get(key), str):
                    try:
                        edit[key] = bytes.fromhex(edit[key])
                    except ValueError:
                        raise BadInput(f"{side}.habits.raw.{name}.{key} = {edit[key]!r}: not hexadecimal bytes") from None


def _at(table: Any, keys: Sequence[str | int]) -> Any:
    """What stands in *table* under *keys*, or None."""
    for key in keys:
        try:
            table = table[key]
        except (KeyError, TypeError, IndexError):
            return None
    return table


def _explain(text: str, table: Table, kind: Any) -> tuple[str, list[str | int]]:
    """msgspec's complaint with the key in our notation, the value that was given, and what is allowed; and the key's parts."""
    what, _, where = text.rpartition(" - at `$")
    if not what:
        return text, []
    path = where.rstrip("`").lstrip(".")
    keys = _keys(path)
    value = _at(table, keys)
    allowed = _allowed(keys, kind)
    said = f"{path} = {value!r}" if not isinstance(value, dict) else path
    return f"{said}: {what[0].lower()}{what[1:]}{f'; allowed: {allowed}' if allowed else ''}", keys


def _kind(keys: Sequence[str | int], kind: Any = Scenario) -> Any:
    """The type that the key of a *kind* has, without "or None"; Any where there is no such key."""
    for key in keys:
        kind = _inner(kind)
        if isinstance(key, int):
            kind = (get_args(kind) or (Any,))[0]
        elif dataclasses.is_dataclass(kind) or _is_struct(kind):
            kind = get_type_hints(kind, include_extras=True).get(key, Any)
        else:
            kind = get_args(kind)[-1] if get_args(kind) else Any
    return _inner(kind)


def _allowed(keys: Sequence[str | int], kind: Any) -> str:
    """The range or the words that the key allows, as far as its type says."""
    kind = _kind(keys, kind)
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(str(member.value) for member in kind)
    bounds = next((meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta)), None)
    if bounds is None:
        return ""
    low = f"{bounds.ge:g}" if bounds.ge is not None else f"more than {bounds.gt:g}" if bounds.gt is not None else ""
    return f"{low}..{bounds.le:g}" if bounds.le is not None else f"{low} and more"
