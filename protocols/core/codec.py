"""Encoder and decoder of a declared message, generated once when its class is made.

The generated functions are what a careful engineer would write by hand: one ``int.from_bytes``, a shift and a mask per field.
They are checked against cantools in the tests. A loop over field objects would do the same, more slowly (docs/decisions.md).
"""

from collections.abc import Callable, Sequence
from typing import Any

from protocols.core.errors import DecodeError, LocalError
from protocols.core.fields import Field

Decode = Callable[[type[Any], bytes], Any]
Encode = Callable[[Any], bytes]


def make_codec(title: str, fields: Sequence[Field], *, length: int, shortest: int) -> tuple[Decode, Encode]:
    """The pair (decode, encode) for *fields* in a message of *length* bytes of which at least *shortest* must arrive."""
    if fields and fields[0].group is not None:
        return _make_group_codec(title, fields[0], least=shortest)
    return _make_decoder(title, fields, length, shortest), _make_encoder(title, fields, length)


def make_constructor(fields: Sequence[Field]) -> Callable[..., Any]:
    """``__new__`` with a keyword for each field that the edition has; the others are None."""
    given = "".join(f", {f.name}" if f.required else f", {f.name}=defaults[{f.name!r}]" for f in fields if not f.absent)
    values = "".join("None, " if field.absent else f"{field.name}, " for field in fields)
    source = f"def __new__(cls{', *' + given if given else ''}):\n    return new(cls, ({values}))"
    scope: dict[str, Any] = {"new": tuple.__new__, "defaults": {field.name: field.default for field in fields}}
    exec(source, scope)
    constructor: Callable[..., Any] = scope["__new__"]
    return constructor


def _make_decoder(title: str, fields: Sequence[Field], length: int, shortest: int) -> Decode:
    def decode_other_length(cls: type[Any], data: bytes) -> Any:
        """Longer is padding; shorter is an older edition, whose missing fields are None."""
        got = len(data)
        if got < shortest:
            raise DecodeError(f"{title} needs at least {shortest} bytes, got {got}")
        whole = decode(cls, bytes(data[:length]).ljust(length, b"\xff"))
        return tuple.__new__(cls, (v if f.start + f.bits <= 8 * got else None for v, f in zip(whole, fields, strict=True)))

    values = ", ".join(_decoded(field) for field in fields) + ("," if fields else "")
    source = f"""
def decode(cls, data):
    if len(data) != {length}:
        return decode_other_length(cls, data)
    x = from_bytes(data, "little")
    return new(cls, ({values}))
"""
    scope: dict[str, Any] = {
        "decode_other_length": decode_other_length,
        "from_bytes": int.from_bytes,
        "new": tuple.__new__,
        "chars": _chars,
    }
    exec(source, scope)  # the source is built from declarations only, never from input
    decode: Decode = scope["decode"]
    return decode


def _decoded(field: Field) -> str:
    if field.absent:
        return "None"
    raw = f"(x >> {field.start} & {field.ones:#x})" if field.start else f"(x & {field.ones:#x})"
    if not field.optional:
        return _physical(field, raw)
    return f"(None if (r := {raw}) == {field.ones:#x} else {_physical(field, 'r')})"


def _physical(field: Field, raw: str) -> str:
    if field.is_text:
        return f"chars({raw}, {field.bits // 8})"
    steps = field.steps
    offset = round(field.offset * steps)
    counts = f"{offset} - {raw}" if field.lsb < 0 else f"{raw} + {offset}" if offset else raw
    return f"({counts}) / {steps}" if steps > 1 else f"({counts})"


def _chars(raw: int, length: int) -> str:
    return raw.to_bytes(length, "little").decode("latin-1")


def _make_encoder(title: str, fields: Sequence[Field], length: int) -> Encode:
    sent = [field for field in fields if not field.absent]
    fill = (1 << 8 * length) - 1
    for field in sent:
        fill &= ~(field.ones << field.start)
    steps = "".join(f"        r_{f.name} = {_counts(f)}\n" for f in sent)
    fits = " and ".join(_fits(f) for f in sent) or "True"
    parts = " | ".join([f"{fill:#x}", *(f"r_{f.name} << {f.start}" for f in sent)])
    names = "".join(f"{f.name}, " for f in fields)
    source = f"""
def encode(self):
    {f"({names}) = self" if fields else "pass"}
    try:
{steps or "        pass"}
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise wrong(self) from None
    if not ({fits}):
        raise wrong(self)
    return ({parts}).to_bytes({length}, "little")
"""
    scope: dict[str, Any] = {"wrong": lambda message: _wrong(title, sent, message), "raw_text": _raw_text}
    exec(source, scope)
    encode: Encode = scope["encode"]
    return encode


def _counts(field: Field) -> str:
    name = field.name
    if field.is_text:
        counts = f"raw_text({name}, {field.bits // 8})"
    else:
        offset = round(field.offset * field.steps)
        # A float factor: a caller's numpy integer times an int would wrap at its own width.
        counts = f"round({name} * {field.steps}.0)" if field.steps > 1 else f"round({name})"
        counts = f"{offset} - {counts}" if field.lsb < 0 else f"{counts} - {offset}" if offset else counts
    return f"{field.ones:#x} if {name} is None else {counts}" if field.optional else counts


def _fits(field: Field) -> str:
    absent = f"{field.name} is None or " if field.optional else ""
    return f"({absent}0 <= r_{field.name} <= {field.top:#x})"


def _raw_text(value: str, length: int) -> int:
    data = value.encode("latin-1")
    if len(data) != length:
        raise ValueError
    return int.from_bytes(data, "little")


def _wrong(title: str, fields: Sequence[Field], message: Any) -> LocalError:
    """The error that names the first field of *message* which cannot go on the wire."""
    for field in fields:
        value = getattr(message, field.name)
        if not _carries(field, value):
            return LocalError(f"{title}.{field.name} = {value!r}: the wire carries {_range(field)}")
    return LocalError(f"{title}: a value cannot be encoded")


def _carries(field: Field, value: Any) -> bool:
    """Whether *value* fits, by the rule of the generated encoder."""
    if value is None:
        return field.optional
    try:
        raw = _raw_text(value, field.bits // 8) if field.is_text else field.raw(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return False
    return 0 <= raw <= field.top


def _range(field: Field) -> str:
    if field.is_text:
        return f"{field.bits // 8} Latin-1 characters, not all of them 0xFF"
    low, high = field.carried
    return f"{low:.12g}..{high:.12g} {field.unit}".rstrip()


def _make_group_codec(title: str, field: Field, *, least: int) -> tuple[Decode, Encode]:
    group, size, most = field.group, field.bits // 8, field.most
    assert group is not None

    def decode(cls: type[Any], data: bytes) -> Any:
        """Bytes that do not make a whole element are padding of the last packet."""
        if len(data) < least or len(data) > most * size + 7:
            raise DecodeError(f"{title} has {least}..{most * size} bytes, got {len(data)}")
        ends = range(size, min(len(data), most * size) + 1, size)
        return tuple.__new__(cls, (tuple(group.decode(data[end - size : end]) for end in ends),))

    def encode(self: Any) -> bytes:
        (elements,) = self
        if not isinstance(elements, tuple) or not least <= len(elements) * size <= most * size:
            raise LocalError(f"{title}.{field.name} = {elements!r:.60}: must be a tuple of {-(-least // size)}..{most}")
        return b"".join(element(index, value) for index, value in enumerate(elements))

    def element(index: int, value: Any) -> bytes:
        if type(value) is not group:
            raise LocalError(f"{title}.{field.name}[{index}] = {value!r:.60}: must be a {group.__name__}")
        try:
            return value.encode()
        except LocalError as error:
            raise LocalError(f"{title}.{field.name}[{index}]: {error}") from None

    return decode, encode
