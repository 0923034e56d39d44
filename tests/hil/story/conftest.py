"""Recordings written by hand, from declared messages."""

from pathlib import Path

import pytest

from hil.links.recording import Gathered
from hil.story.telling import tell
from hil.story.voices import CHARGERS, identifier
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.messages import BMS, CHARGER
from protocols.j1939 import control

MS = 1_000
VALUES = {
    "CHM": {"version": 0x000101},
    "BHM": {"voltage_max_v": 420},
    "CRM": {"result": 0x00},
    "BRM": {"version": 0x000101, "battery_type": 3, "capacity_ah": 150, "voltage_v": 350, "maker": "ABCD", "vin": "V" * 17},
    "BCP": {
        "cell_voltage_max_v": 3.65,
        "current_max_a": 200,
        "energy_kwh": 52.5,
        "voltage_max_v": 420,
        "temp_max_degc": 55,
        "soc_pct": 40,
        "voltage_v": 350,
    },
    "CTS": dict(zip(("second", "minute", "hour", "day", "month", "year"), (0x59, 0x30, 0x12, 0x24, 0x11, 0x2026), strict=True)),
    "CML": {"voltage_max_v": 750, "voltage_min_v": 50, "current_max_a": 250, "current_min_a": 0},
    "BRO": {"ready": 0xAA},
    "CRO": {"ready": 0xAA},
    "BCL": {"voltage_v": 400, "current_a": 100, "mode": 2},
    "BCS": {
        "voltage_v": 360,
        "current_a": 100,
        "cell_voltage_max_v": 3.4,
        "cell_group": 1,
        "soc_pct": 41,
        "remaining_min": 60,
    },
    "CCS": {"voltage_v": 360, "current_a": 100, "elapsed_min": 0, "permitted": 1},
    "BSM": {
        "cell_voltage_max_number": 1,
        "temp_max_degc": 30,
        "temp_max_point": 1,
        "temp_min_degc": 25,
        "temp_min_point": 2,
    },
    "BST": {"soc_reached": 1},
    "CST": {},
    "BSD": {"soc_pct": 80, "cell_voltage_min_v": 3.3, "cell_voltage_max_v": 3.4, "temp_min_degc": 25, "temp_max_degc": 31},
    "CSD": {"elapsed_min": 0, "energy_kwh": 0.1},
    "BEM": {},
    "CEM": {},
}


class Script:
    """What is said on the wire, line by line; *now* in µs moves with it."""

    def __init__(self, edition="2015"):
        self.edition = EDITIONS[edition]
        self.now = 0
        self.rows = []

    def encode(self, name, **values):
        layout = self.edition.messages.get(name) or EDITIONS["2015"].messages[name]
        have = {field.name for field in layout.available()}
        return layout(**{key: value for key, value in {**VALUES[name], **values}.items() if key in have}).encode()

    def frame(self, can_id, data, extended=True):
        self.rows.append((self.now, Frame(can_id, data, extended)))

    def say(self, name, *, data=None, **values):
        """One message; as a transfer if it has more than 8 bytes."""
        data = self.encode(name, **values) if data is None else data
        source = CHARGER if name in CHARGERS else BMS
        if len(data) > 8:
            self.transfer(EDITIONS["2015"].messages[name].pgn, data)
        else:
            self.frame(identifier(name, source), data)

    def transfer(self, pgn, data, *, lost=(), acknowledged=True):
        self.frame(0x1CEC56F4, control.rts(pgn, size=len(data)))
        self.now += MS
        self.frame(0x1CECF456, control.cts(pgn, control.packets_of(len(data)), 1))
        for number in range(1, control.packets_of(len(data)) + 1):
            self.now += 2 * MS
            if number not in lost:
                self.frame(0x1CEB56F4, control.dt(data, number))
        self.now += MS
        if acknowledged:
            self.frame(0x1CECF456, control.eoma(pgn, size=len(data)))

    def wait(self, ms):
        self.now += ms * MS

    def repeat(self, name, *, times, every_ms, **values):
        """A message in its period, the time moving on behind each."""
        for _ in range(times):
            begin = self.now
            self.say(name, **values)
            self.now = begin + every_ms * MS

    # ---- phases ----------------------------------------------------------------------------------------------------

    def handshake(self):
        if "CHM" in self.edition.messages:
            for _ in range(8):
                self.say("CHM", version=self.edition.version)
                self.wait(4)
                self.say("BHM")
                self.wait(246)

    def identification(self):
        self.say("CRM", result=0x00)
        self.wait(5)
        self.say("BRM", version=self.edition.version)
        self.wait(2)
        self.say("CRM", result=0xAA)

    def configuration(self):
        self.wait(5)
        self.say("BCP")
        self.wait(2)
        for ready in (0x00, 0x00, 0xAA):
            self.say("CML")
            self.wait(5)
            self.say("BRO", ready=ready)
            self.wait(245)
        for ready in (0x00, 0x00, 0xAA):
            self.say("CRO", ready=ready)
            self.wait(5)
            if ready == 0x00:
                self.say("BRO", ready=0xAA)
            self.wait(245 if ready == 0x00 else 10)

    def charging(self, *, seconds=5, bcl=True, ccs=True, **demand):
        """Demand and status every 50 ms, the battery's status and BCS every 250 ms."""
        begin = self.now
        for tick in range(seconds * 20):
            self.now = begin + 50 * MS * tick
            if bcl:
                self.say("BCL", **demand)
            self.wait(10)
            if tick % 5 == 0:
                self.say("BCS", soc_pct=41 + tick // 50)
            if tick % 5 == 2:
                self.say("BSM")
            self.now = begin + 50 * MS * tick + 25 * MS
            if ccs:
                self.say("CCS", elapsed_min=tick // 1200)
        self.now = begin + 50 * MS * seconds * 20

    def vehicle_stops(self, **reason):
        for _ in range(8):
            self.say("BST", **reason)
            self.wait(4)
            self.say("CST", bms_initiated=1)
            self.wait(6)

    def statistics(self):
        for _ in range(4):
            self.say("BSD")
            self.wait(4)
            self.say("CSD")
            self.wait(246)

    def up_to_charging(self):
        self.handshake()
        self.identification()
        self.configuration()

    def whole(self):
        """An orderly session."""
        self.up_to_charging()
        self.charging()
        self.vehicle_stops()
        self.statistics()
        return self

    # ---- recording -------------------------------------------------------------------------------------------------

    def recording(self, rows=None):
        gathered = Gathered()
        for time_us, frame in self.rows if rows is None else rows:
            gathered.add(time_us, frame.can_id, frame.data, frame.extended)
        return gathered.recording(Path("hand-made.log"), "by hand", "")

    def story(self, rows=None):
        return tell(self.recording(rows))


@pytest.fixture
def script():
    return Script()


@pytest.fixture(scope="session")
def script_of():
    """A script of another edition."""
    return Script
