"""The doctor names what is there, what is not, and what to do."""

import json
import threading
import time
from contextlib import contextmanager

import can
import pytest

from hil.errors import BadInput
from hil.links.link import AdapterChoice, BusState
from hil.live.doctor import _traffic, doctor


def told(capsys, choice=None, seconds=0.2):
    code = doctor(choice, seconds=seconds, as_json=True)
    return code, {check["what"]: check for check in json.loads(capsys.readouterr().out)}


def test_it_needs_no_adapter_and_measures_the_clock(capsys):
    _, checks = told(capsys)

    assert checks["Python"]["state"] == "good"
    assert "p99" in checks["waking up every 10 ms"]["found"]
    assert "socketcan" in checks["python-can interfaces"]["found"]
    assert all(check["state"] == "good" or check["fix"] for check in checks.values())


@contextmanager
def talking(channel):
    """Somebody who sends BCL every 10 ms."""
    over = threading.Event()

    def talk():
        with can.Bus(interface="virtual", channel=channel) as bus:
            while not over.is_set():
                bus.send(can.Message(arbitration_id=0x181056F4, data=bytes(5), is_extended_id=True))
                time.sleep(0.01)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_it_hears_the_traffic_of_an_adapter(capsys):
    with talking("doctor"):
        _, checks = told(capsys, AdapterChoice(interface="virtual", channel="doctor"), 0.5)

    assert checks["traffic"]["state"] == "good" and "of them GB/T 27930" in checks["traffic"]["found"]


def test_a_silent_bus_is_told_with_what_to_do(capsys):
    _, checks = told(capsys, AdapterChoice(interface="virtual", channel="nobody"))

    assert checks["traffic"]["state"] == "missing" and checks["traffic"]["fix"]


def test_errors_instead_of_frames_point_to_bit_rate_and_termination():
    first, second = _traffic(3, 0, 400, BusState.PASSIVE, 2.0)

    assert first.state == second.state == "poor"
    assert "250000" in first.fix and "60 Ω" in second.fix


def test_an_adapter_that_is_not_there_is_one_line_with_a_fix():
    with pytest.raises(BadInput, match="no such interface") as failed:
        doctor(AdapterChoice(interface="nonsense", channel="x"), seconds=0.1, as_json=True)
    assert "\n" not in str(failed.value)
