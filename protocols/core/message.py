"""Declared messages: a class is the table of the standard, one line per field in the order of the wire."""

from collections import namedtuple
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, dataclass_transform

from protocols.core.codec import make_codec, make_constructor
from protocols.core.errors import LocalError
from protocols.core.fields import ABSENT, Field, flag, many, text, u

_getter: Any = type(vars(namedtuple("_Probe", "x"))["x"])
"""What a named tuple's attributes are made of: read-only, and quicker than a property."""


def _placed(declared: dict[str, Field]) -> Iterator[Field]:
    """Give each field its name and first bit: behind the one before, or where *at* says."""
    end = 0
    for name, field in declared.items():
        start = end if field.at is None else field.at
        yield field.with_place(name, start)
        end = max(end, start + field.bits) if field.absent else start + field.bits


def _finish(
    cls: Any, fields: tuple[Field, ...], *, length: int | None = None, shortest: int | None = None, **options: Any
) -> None:
    """Set the class options and generate the codec."""
    bits = max((field.start + field.bits * field.most for field in fields if not field.absent), default=0)
    cls.length = -(-bits // 8) if length is None else length
    if 8 * cls.length < bits:
        raise LocalError(f"{cls.title}: {bits} bits of fields do not fit into {cls.length} bytes")
    _check_apart(cls.title, fields)
    is_group = any(field.group for field in fields)
    cls.shortest = (fields[0].bits // 8 if is_group else cls.length) if shortest is None else shortest
    for key, value in options.items():
        setattr(cls, key, value)
    decode, cls.encode = make_codec(cls.title, fields, length=cls.length, shortest=cls.shortest)
    cls.decode = classmethod(decode)
    cls.__new__ = staticmethod(make_constructor(fields))


def _check_apart(title: str, fields: tuple[Field, ...]) -> None:
    """Two fields on the same bits would be written over each other, silently."""
    taken = 0
    for field in fields:
        mask = 0 if field.absent else field.ones << field.start
        if taken & mask:
            raise LocalError(f"{title}.{field.name} lies on bits of an earlier field")
        taken |= mask


def _describe(field: Field) -> str:
    spn = f"SPN {field.spn}. " if field.spn else ""
    return f"{spn}{field.bits} bits{', ' + field.unit if field.unit else ''}."


class MessageType(type):
    """Turns the field lines of a class body into its layout and its codec."""

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any) -> "MessageType":
        declared = {key: value for key, value in body.items() if isinstance(value, Field)}
        fields = tuple(_placed(declared))
        for index, field in enumerate(fields):
            body[field.name] = _getter(index, _describe(field))
        body.update(__slots__=(), fields=fields, title=body.get("title", name.partition("_")[0]))
        cls = super().__new__(mcs, name, bases, body)
        if bases:
            _finish(cls, fields, **options)
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, body)


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(u, flag, text, many))
class Message(tuple[Any, ...], metaclass=MessageType):
    """Base of all messages: frozen, compared by type and values, built with keywords.

    Class options: *pgn*, *priority* and *period_us* as the standard prints them; *length* in bytes where unused bits follow the
    last field; *shortest* the least number of bytes that still decodes (fields beyond it become None).
    """

    title: ClassVar[str] = "Message"
    fields: ClassVar[tuple[Field, ...]] = ()
    pgn: ClassVar[int | None] = None
    priority: ClassVar[int] = 6
    period_us: ClassVar[int | None] = None
    length: ClassVar[int | None] = None
    """Bytes on the wire; the most there may be for a repeated group."""
    shortest: ClassVar[int] = 0

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The message in *data*. Raises `DecodeError` if there are too few bytes; surplus bytes are padding."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """The bytes for the wire. Raises `LocalError`, naming the field, for what the wire cannot carry: nothing wraps."""
        raise NotImplementedError

    @classmethod
    def variant(cls, *, length: int | None = None, fields: dict[str, Any] | None = None, **options: Any) -> type[Self]:
        """The same message in another edition, as a subclass: other class *options*, a shorter *length*, or other *fields*.

        *fields* maps a name to its new declaration (its place stays) or to ``ABSENT``; what lies beyond *length* is absent.
        """
        body: dict[str, Any] = {"__doc__": cls.__doc__, "title": cls.title, "__module__": cls.__module__}
        changed = fields or {}
        for field in cls.fields:
            declared = changed.get(field.name, field)
            beyond = declared is field and length is not None and field.start + field.bits > 8 * length
            if declared is ABSENT or beyond:
                declared = Field(bits=field.bits, at=field.start, absent=True)
            body[field.name] = replace(declared, at=field.start) if declared is field else declared
        kept = {"length": length or cls.length, "shortest": cls.shortest}
        return MessageType(cls.__name__, (cls,), body, **(kept | options))  # type: ignore[return-value]

    @classmethod
    def available(cls) -> Sequence[Field]:
        """The fields that this edition has."""
        return [field for field in cls.fields if not field.absent]

    def clamped(self) -> Self:
        """The same message with every number moved to the nearest that the wire carries. NaN has no nearest: ValueError."""
        return tuple.__new__(type(self), (field.clamp(value) for field, value in zip(self.fields, self, strict=True)))

    def beyond_range(self) -> Iterator[tuple[Field, Any]]:
        """The fields whose value is outside the range that the standard declares, with the value."""
        for field, value in zip(self.fields, self, strict=True):
            if value is None or field.is_text or field.group is not None:
                continue
            low, high = field.bounds
            if not low <= value <= high or (field.choices is not None and value not in field.choices):
                yield field, value

    def as_dict(self) -> dict[str, Any]:
        """Field names and values, in the order of the wire."""
        return {field.name: value for field, value in zip(self.fields, self, strict=True)}

    def __repr__(self) -> str:
        inner = ", ".join(f"{key}={value!r}" for key, value in self.as_dict().items() if value is not None)
        return f"{self.title}({inner})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)
