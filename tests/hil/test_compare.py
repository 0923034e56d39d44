import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.happenings import Moment, Step
from hil.cli import app
from hil.compare import compare
from hil.links.recorded import read
from hil.links.recording import Recording
from hil.story.voices import voice_of
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS
from protocols.j1939.control import DT_PGN
from protocols.j1939.identifier import split

LOG = Path(__file__).resolve().parents[1] / "logs" / "charge_2015.log"
CHARGE = read(LOG)
MESSAGES = EDITIONS["2015"].messages


def flipped(recording: Recording, index: int, bit: int) -> Recording:
    payloads = recording.payloads.copy()
    payloads[index] ^= np.uint64(1 << bit)
    return Recording(
        path=recording.path,
        format=recording.format,
        sha256="",
        times_us=recording.times_us,
        ids=recording.ids,
        extended=recording.extended,
        lengths=recording.lengths,
        payloads=payloads,
    )


def test_a_recording_does_not_diverge_from_itself():
    assert compare(CHARGE, CHARGE) is None


@given(index=st.integers(0, len(CHARGE) - 1), data=st.data())
def test_one_bit_is_found_with_its_frame_and_its_field(index, data):
    bit = data.draw(st.integers(0, 8 * int(CHARGE.lengths[index]) - 1))
    voice = voice_of(int(CHARGE.keys[index]))

    found = compare(CHARGE, flipped(CHARGE, index, bit))

    assert found is not None and found.index == index and found.reason == "other data"
    assert found.expected_s == found.got_s == (int(CHARGE.times_us[index]) - int(CHARGE.times_us[0])) / 1e6
    if voice.name == "TP":
        return
    declared = [f.name for f in MESSAGES[voice.name].available() if f.start <= bit < f.start + f.bits]
    assert found.message == voice.name
    assert [change.name for change in found.fields] == declared
    assert all(change.expected != change.got for change in found.fields)


def test_a_bit_in_a_packet_is_named_by_the_message_that_the_transfer_carries():
    packet = next(
        at
        for at, (_, frame) in enumerate(CHARGE.frames())
        if split(frame.can_id)[1] == DT_PGN and frame.data[0] == 2 and voice_of(int(CHARGE.keys[at])).source == 0xF4
    )
    brm = MESSAGES["BRM"]  # the first long message of a charge
    field = next(f for f in brm.available() if f.start >= 56)

    found = compare(CHARGE, flipped(CHARGE, packet, 8 + field.start - 56))

    assert found.message == "BRM, packet 2"
    assert [change.name for change in found.fields] == [field.name]


def test_a_bit_of_a_known_field_shows_both_values_with_their_unit():
    at = next(at for at, (_, frame) in enumerate(CHARGE.frames()) if voice_of(int(CHARGE.keys[at])).name == "BCL")
    frame = CHARGE.data[at]

    found = compare(CHARGE, flipped(CHARGE, at, 0))

    (change,) = found.fields
    assert (change.name, change.unit) == ("voltage_v", "V")
    assert change.expected == int.from_bytes(frame[:2], "little") / 10
    assert abs(change.got - change.expected) == pytest.approx(0.1)


def test_another_time_counts_unless_it_is_tolerated(tmp_path):
    later = tmp_path / "later.log"
    lines = LOG.read_text().splitlines()
    stamp, _, rest = lines[100].partition(") ")
    lines[100] = f"({float(stamp[1:]) + 0.0004:.6f}) {rest}"
    later.write_text("\n".join(lines) + "\n")

    assert compare(CHARGE, read(later), tolerance_us=500) is None
    found = compare(CHARGE, read(later), tolerance_us=300)
    assert found is not None and (found.index, found.reason) == (100, "another time")


def test_a_recording_that_ends_early_is_said_to(tmp_path):
    short = tmp_path / "short.log"
    short.write_text("\n".join(LOG.read_text().splitlines()[:50]) + "\n")

    found = compare(CHARGE, read(short))

    assert (found.index, found.reason, found.got) == (50, "only the baseline goes on", None)


def test_a_frame_injected_on_the_wire_of_a_run_is_the_first_divergence(tmp_path):
    """Both runs live: everything that follows from the frame comes after it."""
    logs = []
    for injected in (False, True):
        script = [Step("plug in", Moment()), Step("start", Moment(100_000))]
        bench = Bench(PileSetup(), VehicleSetup(soc_pct=79.9), seed=3, script=script)
        bench.run(8_000_000)
        if injected:
            bench.bus.attach("injector", lambda frame, now: None).send(
                Frame(0x181056F4, bytes.fromhex("A00F3C0F02")), bench.clock.now
            )
        bench.run(12_000_000)
        path = tmp_path / f"{injected}.log"
        path.write_text("".join(f"({at / 1e6:.6f}) can0 {frame}\n" for at, frame in bench.trace.log()))
        logs.append(path)

    found = compare(read(logs[0]), read(logs[1]))

    assert found is not None and found.got_s == pytest.approx(found.expected_s, abs=0.05)
    assert found.message.startswith("BCL") and found.got == "181056F4#A00F3C0F02"


def test_the_command_tells_and_its_exit_code_is_the_verdict(tmp_path):
    other = tmp_path / "other.log"
    lines = LOG.read_text().splitlines()
    head, _, data = lines[7].rpartition("#")
    lines[7] = f"{head}#{int(data[:2], 16) ^ 1:02X}{data[2:]}"
    other.write_text("\n".join(lines) + "\n")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "bus.log").write_text(LOG.read_text())
    runner = CliRunner()

    same = runner.invoke(app, ["compare", str(LOG), str(folder)])
    told = runner.invoke(app, ["compare", "--json", str(LOG), str(other)])

    assert same.exit_code == 0 and "no divergence" in same.output
    assert told.exit_code == 1 and json.loads(told.output)["divergence"]["index"] == 7
