"""The one physical truth of the DC side: stage, output capacitor and bleeder, K1/K2, cable and inlet, K5/K6, battery.

::

    stage --+-- C_out, 100 kΩ, bleeder --K1/K2--+-- C_cable, sense divider --K5/K6-- R -- battery
          stage node                      interface node

With K1/K2 closed both nodes are one. Each interval is integrated exactly (one exponential per node), whatever its length.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from numpy.random import Generator

from firmware_model.board import SPANS, Channel, Span
from firmware_model.cabinet.bleeder import Bleeder
from firmware_model.cabinet.contactor import Contactor
from firmware_model.cabinet.inlet import Inlet
from firmware_model.cabinet.plug import PlugTemperature
from firmware_model.cabinet.sensor import Sensor
from firmware_model.power.node import Flow, flow, inrush_peak_a
from firmware_model.power.stage import OFF, Load, PowerStage, Setpoint

MOVING_US, SETTLED_US = 1_000, 200_000
"""The plant's two step lengths. A module refreshes its readings every 200 ms at the latest (State Grid module requirements)."""
SETTLED_V_PER_S = 30.0
"""A node slower than this is settled: at most 3 V between two looks at it."""
PLUG_US = 1_000_000
"""The plug's pins warm over minutes: its temperature is worked out once a second."""
LOAD_A = 0.5
"""Less than this is no load for an opening contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What copper and capacitors are in the way."""

    output_f: float = 267e-6
    """Film and filter capacitors of the output bus. Modules are decoupled from it, so it does not grow with their number."""
    fixed_ohm: float = 100e3
    cable_f: float = 0.2e-6
    """Cable, interference capacitors and inlet."""
    sense_ohm: float = 1e6
    """Voltage divider outside K1/K2; with *cable_f* it brings a dead plug from 1000 V under 60 V in 0.6 s."""
    cable_ohm: float = 9e-3
    """5 m, 2 x 4 mΩ, and K1/K2."""
    cable_h: float = 4e-6
    choke_h: float = 68e-6
    """Interference choke between output capacitor and K1/K2 (assumption): with it a match within 10 V keeps the inrush below 20
    A.
    """
    capacitor_ohm: float = 2e-3


class Inrush(NamedTuple):
    """Contacts closed between *difference_v* (pile side minus far side); *peak_a* is the crest of the equalising current."""

    at: int
    where: str
    difference_v: float
    peak_a: float
    into_battery: bool
    """False: only the cable was charged, which takes microseconds and does not count for GB/T 18487.1-2015 9.7."""


class Broken(NamedTuple):
    """Contacts opened while *current_a* flowed: wear, and a danger at the plug."""

    at: int
    where: str
    current_a: float


class Instruments(NamedTuple):
    """The sensors of the output. They take a reading at each step of the circuit, and only then."""

    stage_v: Sensor
    interface_v: Sensor
    current_a: Sensor


def make_instruments(draw: Callable[[str], Generator] | None = None, *, spans: Sequence[Span] = SPANS) -> Instruments:
    """12-bit instruments over the board's *spans*. *draw* gives each its generator by name.

    From it come gain errors (0.2 %, one sigma), offsets (one count) and noise; without *draw* the instruments only quantise.
    """
    made = []
    for name, channel in (("stage_v", Channel.STAGE_V), ("interface_v", Channel.INTERFACE_V), ("current_a", Channel.OUTPUT_A)):
        rng = draw(name) if draw else None
        sensor = Sensor(*spans[channel], rng=rng)
        if rng is not None:
            gain, offset = rng.standard_normal(2).clip(-2, 2).tolist()
            sensor.gain, sensor.offset = 1.0 + 0.002 * gain, sensor.lsb * offset
        made.append(sensor)
    return Instruments(*made)


class OutputCircuit:
    """A part that steps every 1 ms while anything moves and every 200 ms when settled.

    Settled: no contactor travels, the stage says so, and no node moves faster than `SETTLED_V_PER_S`. What `instruments` show
    changes at steps only; the attributes are the truth. Whoever changes a command or a physical condition calls `poke`
    *before*, so that the past is integrated under the old one and the next step comes within 1 ms; conditions that nobody
    announces count from the next step on.
    """

    def __init__(
        self,
        stage: PowerStage,
        *,
        instruments: Instruments | None = None,
        bleeder: Bleeder | None = None,
        plug: PlugTemperature | None = None,
        wiring: Wiring | None = None,
    ) -> None:
        self.stage = stage
        self.instruments = instruments or make_instruments()
        self.bleeder = bleeder or Bleeder()
        self.plug = plug or PlugTemperature()
        self.wiring = wiring or Wiring()
        self.k1, self.k2 = Contactor("K1"), Contactor("K2")
        self.inlet: Inlet | None = None
        """None: the connector is not in a vehicle."""
        self.due = 0
        self.after_step: Callable[[int], None] | None = None
        """Called with the time at the end of each step, when the instruments have been read."""
        self.stage_v = self.interface_v = 0.0
        self.current_a = 0.0
        """Mean over the last interval, from the pile into the vehicle."""
        self.stage_current_a = 0.0
        self.power_ac_w = self.heat_w = 0.0
        self.stage_j = self.leaked_j = self.spark_j = self.output_j = self.line_j = self.mains_j = 0.0
        """Books since the start: from the stage; in fixed resistor, bleeder and divider; in closing contacts; out to the
        battery (of which *line_j* heats cable and harness, pulses shorter than a step also the pack); from the mains. stage =
        stored + leaked + spark + output."""
        self.setpoint = OFF
        """What the stage was told last; changed by `command` only."""
        self._then = 0
        self._joined = False
        self.fed = False
        """Whether the battery was on the pins when the contacts were last looked at."""
        self._leak_s = self._sense_s = self._line_s = self._emf_v = 0.0
        self._square_a2_us = 0.0
        self._plug_then = 0
        self._events: list[Inrush | Broken] = []
        self._look(0)

    @property
    def energy_wh(self) -> float:
        """Delivered through the connector since the start."""
        return self.output_j / 3600.0

    @property
    def stored_j(self) -> float:
        """In the capacitors of both nodes."""
        return 0.5 * (self.wiring.output_f * self.stage_v**2 + self.wiring.cable_f * self.interface_v**2)

    def events(self) -> list[Inrush | Broken]:
        """What happened at contacts since the last call, in order; each is handed out once."""
        events, self._events = self._events, []
        return events

    def command(self, setpoint: Setpoint, now: int) -> None:
        """Give the stage a new set point, in force from *now*. Repeating the last one changes nothing."""
        if setpoint != self.setpoint:
            self.poke(now)
            self.setpoint = setpoint

    def switch(self, contactor: Contactor, closed: bool, now: int) -> None:
        """Drive a contactor of this circuit, on either side of the plug. Repeating a command changes nothing."""
        if contactor.wanted is not closed:
            self.poke(now)
            contactor.command(closed, now)

    def bleed(self, on: bool, now: int) -> None:
        """Switch the bleeder. Repeating a command changes nothing."""
        if self.bleeder.on is not on:
            self.poke(now)
            self.bleeder.on = on

    def poke(self, now: int) -> None:
        """Something is about to change at *now*: settle the past, and look again at the next millisecond."""
        if now > self._then:
            self._integrate(now)
        self.due = min(self.due, (now // MOVING_US + 1) * MOVING_US)

    def plug_in(self, inlet: Inlet, now: int) -> None:
        """Put the connector into a vehicle."""
        self.poke(now)
        self.inlet = inlet
        self._look(now)

    def pull_out(self, now: int) -> None:
        """Take the connector out, live or not."""
        self.poke(now)
        self.inlet = None
        self._look(now)

    def tick(self, now: int) -> None:
        """Take a step: integrate up to *now*, look at contacts and conditions, let the instruments read."""
        moving = self._integrate(now) if now > self._then else True
        changed = self._look(now)
        stage_v, interface_v, current_a = self.instruments
        stage_v.sample(self.stage_v)
        interface_v.sample(self.interface_v)
        current_a.sample(self.current_a)
        step = MOVING_US if moving or changed or self.travelling(now) else SETTLED_US
        self.due = (now // step + 1) * step
        if self.after_step is not None:
            self.after_step(now)

    def _integrate(self, now: int) -> bool:
        """Move to *now* under the conditions last looked at; whether anything still moves.

        Flat, because a settled charge spends most of its time outside the bus here: the stage works into its node, which with
        K1/K2 closed is all there is; what left the last node goes into the battery.
        """
        dt_us = now - self._then
        dt_s = dt_us * 1e-6
        self._then = now
        stage_v, interface_v, joined, wiring = self.stage_v, self.interface_v, self._joined, self.wiring
        capacitance_f, leak_s, line_s, emf_v = wiring.output_f, self._leak_s, 0.0, 0.0
        if joined:
            capacitance_f, leak_s = capacitance_f + wiring.cable_f, leak_s + self._sense_s
            line_s, emf_v = self._line_s, self._emf_v
        load = Load(stage_v, capacitance_f, leak_s + line_s, line_s * emf_v)
        _, amps, self.power_ac_w, self.heat_w, _, settled = self.stage.advance(now, self.setpoint, load)
        done = flow(stage_v, dt_s, capacitance_f=capacitance_f, leak_s=leak_s, line_s=line_s, emf_v=emf_v, current_a=amps)
        self.stage_v = after_v = done[0]
        self.stage_current_a = amps
        self.mains_j += self.power_ac_w * dt_s
        self.stage_j += done.into_j
        self.leaked_j += done.lost_j
        if joined:
            self.interface_v = after_v
        else:
            done = self._interface_step(dt_s)
        _, amps, _, _, out_j = done
        inlet = self.inlet
        if inlet is not None:
            pack = inlet.pack
            if self._line_s:
                self.output_j += out_j
                self.line_j += out_j - amps * (self._emf_v + amps * pack.r_ohm) * dt_s
            pack.advance(now, amps)
            if self._line_s:
                self._aim(inlet)
        self.current_a = current_a = amps if joined else 0.0
        self._square_a2_us += current_a * current_a * dt_us
        if now - self._plug_then >= PLUG_US:
            self.plug.advance(now, self._square_a2_us / (now - self._plug_then))
            self._square_a2_us, self._plug_then = 0.0, now
        limit_v = SETTLED_V_PER_S * 1e-6 * dt_us
        return not settled or abs(after_v - stage_v) > limit_v or abs(self.interface_v - interface_v) > limit_v

    def _interface_step(self, dt_s: float) -> Flow:
        """K1/K2 open: the interface alone, or with the battery."""
        done = flow(
            self.interface_v,
            dt_s,
            capacitance_f=self.wiring.cable_f,
            leak_s=self._sense_s,
            line_s=self._line_s,
            emf_v=self._emf_v,
            current_a=0.0,
        )
        self.interface_v = done.voltage_v
        self.leaked_j += done.lost_j
        return done

    def _aim(self, inlet: Inlet) -> None:
        """Hold the battery's present voltage and resistance for the next interval."""
        pack = inlet.pack
        self._emf_v = pack.emf_v
        self._line_s = 1.0 / (pack.r_ohm + inlet.harness_ohm + self.wiring.cable_ohm)

    def _look(self, now: int) -> bool:
        """See which contacts conduct at *now*, and what follows from a change; whether there was one."""
        wiring, inlet = self.wiring, self.inlet
        joined = self.k1.closed(now) and self.k2.closed(now)
        fed = inlet is not None and inlet.closed(now)
        self._leak_s = 1.0 / wiring.fixed_ohm + self.bleeder.conductance_s
        self._sense_s = 1.0 / wiring.sense_ohm
        if joined == self._joined and fed == self.fed:
            return False
        flowing = self.current_a
        if self._joined and self.fed and abs(flowing) > LOAD_A:
            where = "K1/K2" if not joined else "plug" if inlet is None else "K5/K6"
            self._events.append(Broken(now, where, flowing))
        if fed and inlet is not None:
            self._aim(inlet)
        else:
            self._line_s = self._emf_v = 0.0
        if joined and not self._joined:
            self._strike(now, "K1/K2", self.stage_v - (self._emf_v if fed else self.interface_v), fed)
            self._merge()
        elif joined and fed and not self.fed:
            self._strike(now, "K5/K6", self.stage_v - self._emf_v, fed)
        self._joined, self.fed = joined, fed
        return True

    def _strike(self, now: int, where: str, difference_v: float, into_battery: bool) -> None:
        """Report the equalising current of contacts that close."""
        wiring = self.wiring
        if into_battery:
            r_ohm = 1.0 / self._line_s + wiring.capacitor_ohm
            inductance_h, capacitance_f = wiring.cable_h + wiring.choke_h, wiring.output_f
        else:
            r_ohm, inductance_h, capacitance_f = wiring.cable_ohm, wiring.cable_h + wiring.choke_h, wiring.cable_f
        peak_a = inrush_peak_a(difference_v, r_ohm=r_ohm, inductance_h=inductance_h, capacitance_f=capacitance_f)
        self._events.append(Inrush(now, where, difference_v, peak_a, into_battery))

    def _merge(self) -> None:
        """Two capacitors become one: charge is kept, the difference in energy is a spark."""
        output_f, cable_f = self.wiring.output_f, self.wiring.cable_f
        both_f = output_f + cable_f
        self.spark_j += 0.5 * output_f * cable_f / both_f * (self.stage_v - self.interface_v) ** 2
        self.stage_v = self.interface_v = (output_f * self.stage_v + cable_f * self.interface_v) / both_f

    def travelling(self, now: int) -> bool:
        """Whether a contact may still change by itself."""
        inlet = self.inlet
        return self.k1.moving(now) or self.k2.moving(now) or (inlet is not None and inlet.moving(now))
