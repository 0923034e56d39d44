"""One contract for every source, simulated or by SCPI over PyVISA (its simulator answers); relays; and what goes wrong."""

import signal
from pathlib import Path

import pytest

from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS
from hil.errors import BadInput
from hil.instruments.instrument import InstrumentError, Ratings, in_use
from hil.instruments.scpi import DIALECTS, ScpiMeter, ScpiRelays, ScpiSource
from hil.instruments.simulated import SimulatedRelays, SimulatedSource
from hil.links.visa import open_line

BENCH = Path(__file__).with_name("bench.yaml")
ADDRESS = "TCPIP0::bench::inst0::INSTR"
RATINGS = Ratings(max_v=500.0, max_a=50.0)


class Said:
    """A line that notes what was said, before the instrument behind it hears it."""

    def __init__(self, line):
        self.line, self.commands = line, []

    def write(self, command):
        self.commands.append(command)
        self.line.write(command)

    def query(self, command):
        return self.line.query(command)

    def close(self):
        self.commands.append("closed")
        self.line.close()


@pytest.fixture
def line():
    pytest.importorskip("pyvisa_sim", reason="needs pyvisa-sim: pip install pyvisa-sim")
    return Said(open_line(ADDRESS, library=f"{BENCH}@sim"))


@pytest.fixture(params=["simulated", "scpi"])
def source(request):
    if request.param == "scpi":
        return ScpiSource("psu", RATINGS, request.getfixturevalue("line"))
    return SimulatedSource("psu", RATINGS, Pack(PACKS["mini"], soc_pct=50.0), lambda: 0)


def test_a_source_takes_what_its_ratings_allow_and_is_off_after_closing(source):
    source.ask(400.0, 20.0)
    source.switch(on=True)
    measured = source.measure()
    source.close()
    source.close()

    assert measured.voltage_v > 100 and measured.current_a > 0


@pytest.mark.parametrize(
    ("volts", "amperes", "words"),
    [(501, 1, "501 V"), (-1, 1, "-1 V"), (400, 51, "51 A"), (400, -1, "-1 A"), (float("nan"), 1, "nan V")],
)
def test_beyond_its_ratings_nothing_is_sent(source, volts, amperes, words):
    with pytest.raises(InstrumentError, match=f"{words}.*nothing was sent"):
        source.ask(volts, amperes)


def test_each_setting_is_followed_by_a_look_into_the_error_queue_and_a_refusal_switches_off(line):
    source = ScpiSource("psu", Ratings(max_v=2_000, max_a=50), line)
    source.ask(400.0, 20.0)
    source.switch(on=True)
    with pytest.raises(InstrumentError, match=r"psu \(Pile Works,PSU 1000,42,1.0\): 'VOLT 1500.000': -222"):
        source.ask(1_500.0, 20.0)

    assert line.commands == ["OUTP OFF", "VOLT 400.000", "CURR 20.000", "OUTP ON", "VOLT 1500.000", "OUTP OFF"]
    source.close()
    assert line.commands[-2:] == ["OUTP OFF", "closed"]
    with pytest.raises(InstrumentError, match="let go"):
        source.measure()


def test_a_sink_says_the_amount_where_its_dialect_wants_that():
    class Deaf:
        def __init__(self):
            self.commands = []

        def write(self, command):
            self.commands.append(command)

        def query(self, command):
            return "0,none" if command == "SYST:ERR?" else "a sink"

        def close(self):
            pass

    deaf = Deaf()
    source = ScpiSource("sink", Ratings(max_v=500, max_a=50, sinks=True), deaf, DIALECTS["source and sink"])
    source.ask(380.0, -12.5)
    assert deaf.commands[-1] == "SINK:CURR 12.500"


def test_the_simulated_source_follows_its_battery():
    pack = Pack(PACKS["mini"], soc_pct=50.0)
    now = [0]
    source = SimulatedSource("psu", Ratings(max_v=500, max_a=50, sinks=True), pack, lambda: now[0])
    source.ask(pack.voltage_v + 20, 30.0)
    source.switch(on=True)
    now[0] = 3_600_000_000 // 60
    assert source.measure().current_a == 30.0 and pack.soc_pct > 50.3
    source.ask(pack.emf_v + 10 * pack.r_ohm, 30.0)
    now[0] += 1_000_000
    assert 0.0 < source.measure().current_a < 11.0
    source.ask(50.0, -20.0)
    now[0] += 1_000_000
    assert source.measure().current_a == -20.0
    source.close()
    assert source.measure().current_a == 0.0


def test_a_meter_measures_and_switches_nothing(line):
    meter = ScpiMeter("meter", line)

    assert meter.measure() == (401.25, 12.5) and "PSU 1000" in meter.identity
    meter.close()
    meter.close()
    assert line.commands == ["closed"]


class Refusing:
    """An instrument that notes that it was let go, and cannot be switched off."""

    name = "refusing"

    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1
        raise InstrumentError("no answer")


LEAVING = {
    "end": lambda: None,
    "exception": lambda: 1 / 0,
    "ctrl-c": lambda: signal.raise_signal(signal.SIGINT),
    "terminated": lambda: signal.raise_signal(signal.SIGTERM),
    "terminal closed": lambda: signal.raise_signal(signal.SIGHUP),
}


@pytest.mark.parametrize("how", LEAVING)
def test_however_it_ends_all_instruments_are_off(line, how):
    source, refusing, relays = ScpiSource("psu", RATINGS, line), Refusing(), SimulatedRelays("box", ["K3"])
    expected = (InstrumentError, ZeroDivisionError, KeyboardInterrupt, SystemExit)
    with pytest.raises(expected), in_use(relays, source, refusing):
        source.switch(on=True)
        relays.set("K3", closed=True)
        LEAVING[how]()

    assert line.commands[-2:] == ["OUTP OFF", "closed"] and refusing.closed == 1 and not relays.closed["K3"]


def test_relays_know_their_contacts_and_open_at_the_end(line):
    for relays in (SimulatedRelays("box", ["CC1"]), ScpiRelays("box", {"CC1": "101"}, line)):
        relays.set("CC1", closed=True)
        with pytest.raises(InstrumentError, match=r"box: no contact 'K3'; it has CC1"):
            relays.set("K3", closed=True)
        relays.close()
    assert line.commands == ["ROUT:OPEN (@101)", "ROUT:CLOS (@101)", "ROUT:OPEN (@101)", "closed"]


def test_an_instrument_that_is_not_there_is_one_line():
    pytest.importorskip("pyvisa_sim", reason="needs pyvisa-sim: pip install pyvisa-sim")
    with pytest.raises(BadInput, match=r"nonsense.*check the address"):
        open_line("nonsense", library="/no/such/library.so")
    with pytest.raises(BadInput, match="nonsense: nothing that takes commands"):
        open_line("nonsense", library=f"{BENCH}@sim")


@pytest.mark.parametrize("wrong", [{"max_v": 0}, {"max_a": float("inf")}, {"max_v": 9_999}])
def test_senseless_ratings_are_refused(wrong):
    with pytest.raises(ValueError, match=f"Ratings.{next(iter(wrong))}"):
        Ratings(**{"max_v": 500.0, "max_a": 50.0, **wrong})


def test_one_contact_that_does_not_open_keeps_no_other_closed():
    class Stubborn:
        def __init__(self):
            self.commands, self.failing = [], False

        def write(self, command):
            self.commands.append(command)
            if self.failing and "101" in command:
                raise InstrumentError("no answer")

        def query(self, command):
            return "0,none" if command == "SYST:ERR?" else "relays"

        def close(self):
            self.commands.append("closed")

    line = Stubborn()
    relays = ScpiRelays("box", {"K3": "101", "K4": "102"}, line)
    line.failing = True
    with pytest.raises(InstrumentError, match="not switched off: no answer; do it by hand"):
        relays.close()
    assert line.commands[-3:] == ["ROUT:OPEN (@101)", "ROUT:OPEN (@102)", "closed"]
