"""Hypothesis strategies that come with every declared message."""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from protocols.core.fields import Field
from protocols.core.message import Message

M = TypeVar("M", bound=Message)


def messages(layout: type[M]) -> SearchStrategy[M]:
    """Any instance that the wire can carry, sensible or not; None where a field is optional."""
    return _built(layout, values, messages)


def valid_messages(layout: type[M]) -> SearchStrategy[M]:
    """Any instance within the declared ranges and choices."""
    return _built(layout, valid_values, valid_messages)


def payloads(layout: type[Message]) -> SearchStrategy[bytes]:
    """Any bytes of a length that decodes, from the shortest to the whole message."""
    return st.binary(min_size=layout.shortest, max_size=layout.length)


def values(field: Field) -> SearchStrategy[Any]:
    """Any value that the wire can carry in *field*, which is not a repeated group."""
    if field.is_text:
        return _texts(field)
    return _or_none(field, st.integers(0, field.top).map(field.physical))


def valid_values(field: Field) -> SearchStrategy[Any]:
    """Any value of *field*, which is not a repeated group, within its declared range or choices."""
    if field.is_text:
        return _texts(field)
    if field.choices is not None:
        return _or_none(field, st.sampled_from(sorted(field.choices)))
    ends = sorted(field.raw(bound) for bound in field.bounds)
    return _or_none(field, st.integers(*ends).map(field.physical))


def _built(
    layout: type[M],
    one: Callable[[Field], SearchStrategy[Any]],
    element: Callable[[type[Message]], SearchStrategy[Message]],
) -> SearchStrategy[M]:
    def of(field: Field) -> SearchStrategy[Any]:
        if field.group is None:
            return one(field)
        least = -(-8 * layout.shortest // field.bits)
        elements = st.lists(element(field.group), min_size=least, max_size=field.most)
        return elements.map(tuple)

    return st.builds(layout, **{field.name: of(field) for field in layout.available()})


def _or_none(field: Field, numbers: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.none() | numbers if field.optional else numbers


def _texts(field: Field) -> SearchStrategy[str | None]:
    length = field.bits // 8
    characters = st.characters(min_codepoint=0, max_codepoint=0xFF)
    strings = st.text(characters, min_size=length, max_size=length)
    return st.none() | strings.filter(lambda text: text != "\xff" * length)
