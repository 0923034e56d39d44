"""Messages are values: frozen, equal by type and content, with the same fields in every edition."""

import pytest

from protocols.core.errors import LocalError
from protocols.core.fields import ABSENT, u
from protocols.core.message import Message


class Demand(Message, pgn=0x1000, period_us=50_000):
    """What the battery wants."""

    voltage_v: float = u(16, lsb=0.1, unit="V", high=1000, spn=3072)
    mode: int = u(8, choices={1: "voltage", 2: "current"})
    extra: int | None = u(8, default=None)


class Twin(Message):
    voltage_v: float = u(16, lsb=0.1)
    mode: int = u(8)
    extra: int | None = u(8, default=None)


def test_a_message_cannot_be_changed():
    demand = Demand(voltage_v=400, mode=1)

    with pytest.raises(AttributeError):
        demand.mode = 2
    with pytest.raises(AttributeError):
        demand.unknown = 2
    with pytest.raises(TypeError):
        demand[1] = 2


def test_messages_are_equal_by_type_and_values():
    demand = Demand(voltage_v=400, mode=1)

    assert demand == Demand(voltage_v=400, mode=1)
    assert hash(demand) == hash(Demand(voltage_v=400, mode=1))
    assert demand != Demand(voltage_v=400, mode=2)
    assert demand != Twin(voltage_v=400, mode=1)
    assert Twin(voltage_v=400, mode=1) != demand
    assert demand != tuple(demand)
    assert tuple(demand) != demand
    assert len({demand, Demand(voltage_v=400, mode=1), Twin(voltage_v=400, mode=1)}) == 2


@pytest.mark.parametrize("given", [{}, {"voltage_v": 1}, {"voltage_v": 1, "mode": 1, "moed": 1}])
def test_missing_and_unknown_fields_are_refused_at_once(given):
    with pytest.raises(TypeError):
        Demand(**given)


def test_values_are_given_by_name_only():
    with pytest.raises(TypeError):
        Demand(400, 1)


def test_repr_names_the_message_and_leaves_out_what_is_not_available():
    assert repr(Demand(voltage_v=400.5, mode=1)) == "Demand(voltage_v=400.5, mode=1)"


def test_length_follows_from_the_fields():
    assert Demand.length == Demand.shortest == 4


def test_as_dict_keeps_the_order_of_the_wire():
    assert list(Demand(voltage_v=1, mode=1).as_dict().items()) == [("voltage_v", 1), ("mode", 1), ("extra", None)]


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (Demand(voltage_v=1000, mode=2), []),
        (Demand(voltage_v=1000.1, mode=2), ["voltage_v"]),
        (Demand(voltage_v=-0.1, mode=3), ["voltage_v", "mode"]),
        (Demand(voltage_v=0, mode=1, extra=254), []),
    ],
)
def test_values_outside_the_declared_range_or_choices_are_told_and_not_enforced(message, names):
    assert [field.name for field, _ in message.beyond_range()] == names


def test_a_variant_cut_short_keeps_the_names_and_loses_the_bytes():
    Short = Demand.variant(length=3, priority=3)
    message = Short(voltage_v=1, mode=1)

    assert message.encode() == bytes((10, 0, 1))
    assert message.extra is None
    assert isinstance(message, Demand)
    assert (Short.pgn, Short.priority, Short.period_us, Short.title, Demand.priority) == (0x1000, 3, 50_000, "Demand", 6)


def test_a_variant_may_move_and_drop_fields():
    Other = Demand.variant(fields={"mode": ABSENT, "extra": u(4, at="3.5")})

    message = Other(voltage_v=1, extra=5)

    assert message.encode() == bytes((10, 0, 0x5F, 0xFF))
    assert Other.decode(message.encode()) == message
    assert message.mode is None
    with pytest.raises(TypeError):
        Other(voltage_v=1, mode=1, extra=5)


def test_a_variant_with_a_field_on_anothers_bits_is_refused():
    with pytest.raises(LocalError, match=r"Demand\.extra"):
        Demand.variant(fields={"extra": u(8, at="3.1")})


def test_a_message_without_fields_is_empty():
    class Clear(Message):
        """Nothing but a request."""

    assert Clear().encode() == b""
    assert Clear.decode(b"") == Clear()
    assert Clear.decode(b"\xff" * 8) == Clear()
