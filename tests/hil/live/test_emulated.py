"""Wider limits and more patience only where no real wire can be: a name proves nothing."""

import os
import socket
import struct

import pytest

from hil.errors import BadInput
from hil.links.link import AdapterChoice
from hil.live.emulated import emulated, kind_in, kind_of
from hil.live.limits import EMULATED, Limits, load_limits
from hil.live.roles import Part, limits_of, play, way_to_the_wire
from hil.live.slcan_emulator import Device


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def answer(*attributes):
    data = bytes(16) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(data), 16, 0, 1, 0) + data


def test_our_emulators_ports_are_known_while_it_runs_and_no_other_pseudo_terminals(tmp_path):
    device, (master, slave) = Device(), os.openpty()
    link = tmp_path / "ttyACM0"
    link.symlink_to(device.channel)

    assert emulated("slcan", device.channel) and emulated("slcan", str(link))
    assert not emulated("slcan", os.ttyname(slave)) and not emulated("slcan", "/dev/ttyACM0")
    device.close()
    assert not emulated("slcan", device.channel)
    os.close(master)
    os.close(slave)


def test_the_kernel_says_what_is_a_virtual_can(monkeypatch):
    monkeypatch.setattr("hil.live.emulated.kind_of", {"vcan0": "can", "car": "vcan"}.get)

    assert not emulated("socketcan", "vcan0") and emulated("socketcan", "car")


def test_the_kind_of_an_interface_is_read_from_the_kernels_answer():
    name = attribute(3, b"vcan0\0")
    assert kind_in(answer(name, attribute(18, attribute(1, b"vcan\0") + attribute(2, b"")))) == "vcan"
    assert kind_in(answer(name)) == kind_in(b"") == kind_in(b"\0" * 40) == ""


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="no netlink")
def test_a_kernel_answers_and_an_unknown_name_is_of_no_kind():
    assert kind_of("lo") == "" and kind_of("nowhere0") == ""


def test_whoever_says_so_needs_no_limits_and_may_be_patient():
    choice = AdapterChoice(interface="slcan", channel="/dev/ttyACM0", silent=False)
    with pytest.raises(BadInput, match=r"--limits FILE.*--emulated"):
        limits_of(Part(armed=True), "slcan", "/dev/ttyACM0")
    assert limits_of(Part(armed=True, emulated=True), "slcan", "/dev/ttyACM0") == EMULATED
    with pytest.raises(BadInput, match=r"--patience 2000.*--emulated"):
        way_to_the_wire("pile", "2015", choice, Part(armed=True, patience_ms=2000), EMULATED)


def test_a_file_of_limits_counts_whatever_is_said(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text("max_v = 500\nmax_a = 50\nmax_min = 30\n")

    assert limits_of(Part(armed=True, emulated=True, limits=path), "virtual", "x") == load_limits(path)
    assert load_limits(path) == Limits(max_v=500, max_a=50, max_min=30)


def test_a_scenario_whose_vehicle_has_another_address_is_refused_before_the_adapter_is_opened():
    choice = AdapterChoice(interface="virtual", channel="never opened", silent=False)

    with pytest.raises(BadInput, match=r"0xF4.*leave vehicle"):
        play("vehicle", "divergence_28_second_address", choice, Part())
