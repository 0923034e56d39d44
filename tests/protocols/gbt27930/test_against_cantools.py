"""An independent judge: random payloads through cantools with our exported database and through our own codec.

Both must read the same number from every field and write the same bytes back. A thousand payloads a message and two elements of a
repeated group keep the run short; `-m slow` takes ten thousand, and all 256 cells of BMV.
"""

import zlib
from dataclasses import replace
from functools import cache

import cantools
import numpy as np
import pytest

from protocols.core.dbc import Entry, dbc
from protocols.gbt27930.dbc import NODES, edition_dbc, entries
from protocols.gbt27930.editions import EDITIONS

PAYLOADS, FEW = 10_000, 1_000
ELEMENTS = 2
"""Elements of a repeated group where most payloads are tried."""
NEAR = 1e-6
"""cantools computes in floats what we compute in integers; the finest step is 0.01."""


def label(value):
    return value.name or value.layout.title if isinstance(value, Entry) else None


CASES = [
    pytest.param(edition, entry, id=f"{edition}-{label(entry)}") for edition in EDITIONS for entry in entries(EDITIONS[edition])
]
GROUPED = [case for case in CASES if any(field.group for field in case.values[1].layout.fields)]


@pytest.fixture(scope="module")
def databases():
    return {name: cantools.database.load_string(edition_dbc(edition), "dbc", strict=True) for name, edition in EDITIONS.items()}


def fewer(entry):
    return replace(entry, elements=ELEMENTS) if entry.layout.length > 64 else entry


@cache
def small_database(edition):
    """Loads in a tenth of the time of the whole one, which test_dbc.py loads."""
    rows = [fewer(entry) for entry in entries(EDITIONS[edition])]
    return cantools.database.load_string(dbc(f"{edition}, fewer elements", rows, nodes=NODES), "dbc", strict=True)


def random_payloads(entry, *, count):
    """The same bytes in every run, others for every message."""
    generator = np.random.default_rng(zlib.crc32(f"{entry.can_id:08X} {entry.size}".encode()))
    table = generator.integers(0, 256, size=(count, entry.size), dtype=np.uint8)
    # All ones, all zeros and the halves of the range are where codecs break.
    table[: min(4, count)] = np.array([[0xFF], [0x00], [0x7F], [0x80]], np.uint8)[: min(4, count)]
    return [row.tobytes() for row in table]


def signal_values(message):
    """What a database must read where we read *message*: written out here once more, apart from the exporter."""
    found = {}
    for field, value in zip(message.fields, message, strict=True):
        if field.absent:
            assert value is None
        elif isinstance(value, tuple):
            for number, element in enumerate(value, 1):
                found.update((f"{name}_{number}", inner) for name, inner in element.as_dict().items())
        elif field.is_text:
            characters = b"\xff" * (field.bits // 8) if value is None else value.encode("latin-1")
            found.update((f"{field.name}_{number}", byte) for number, byte in enumerate(characters, 1))
        elif value is None:
            found[field.name] = (2**field.bits - 1) * field.lsb + field.offset
        else:
            found[field.name] = value
    return found


def unused_bits(layout, size):
    used = sum((2**field.bits - 1) << field.start for field in layout.available() if field.group is None)
    return 0 if any(field.group for field in layout.fields) else (1 << 8 * size) - 1 & ~used


def check(entry, judge, *, count):
    unused = unused_bits(entry.layout, entry.size)
    for data in random_payloads(entry, count=count):
        message = entry.layout.decode(data)
        ours, theirs = signal_values(message), judge.decode(data, decode_choices=False)

        assert ours.keys() == theirs.keys()
        assert all(abs(value - theirs[name]) < NEAR for name, value in ours.items()), (data.hex(), ours, theirs)
        whole = (int.from_bytes(data, "little") | unused).to_bytes(entry.size, "little")
        assert message.encode() == whole
        assert judge.encode(theirs, strict=False, padding=True) == whole


@pytest.mark.parametrize("count", [FEW, pytest.param(PAYLOADS, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("edition", "entry"), CASES)
def test_every_message_reads_and_writes_as_cantools_does(edition, entry, count):
    entry = fewer(entry)

    check(entry, small_database(edition).get_message_by_frame_id(entry.can_id), count=count)


@pytest.mark.slow  # cantools takes half a minute to load 1 785 signals
@pytest.mark.parametrize("title", ["DM1", "DM6"])
def test_the_longest_diagnosis_that_a_transfer_carries_reads_and_writes_as_cantools_does(title):
    (entry,) = (entry for entry in entries(EDITIONS["2015"]) if entry.name == f"{title}_BMS")
    entry = replace(entry, elements=None)
    database = cantools.database.load_string(dbc("All codes", [entry], nodes=NODES), "dbc", strict=True)

    check(entry, database.messages[0], count=20)


@pytest.mark.slow
@pytest.mark.parametrize(("edition", "entry"), GROUPED)
def test_ten_thousand_repeated_groups_of_full_length_read_and_write_as_cantools_does(edition, entry, databases):
    check(entry, databases[edition].get_message_by_frame_id(entry.can_id), count=PAYLOADS)
