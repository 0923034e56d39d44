"""One cell-monitoring chip: what its commands do, when a result is there, and which discharge switches conduct."""

from collections.abc import Callable, Sequence
from typing import Final

from firmware_model.afe.discharge_timer import DischargeTimer
from firmware_model.afe.errors import Converters
from firmware_model.afe.inputs import Loose, Multiplexer, Pin
from firmware_model.afe.measurement import Measurement, Plan, Step
from firmware_model.afe.part import MODES, REFERENCE_UP_US, Part
from firmware_model.afe.registers import Registers
from firmware_model.afe.wiring import Wiring
from protocols.ltc681x.comm import ACKNOWLEDGED, REFUSED, Start, pack, unpack
from protocols.ltc681x.comm import Part as Sent

PERIOD_US: Final = 30_000_000
"""Of the discharge switches' pulse width modulation."""
HOT_DEGC: Final = 150.0
WATCHDOG_US: Final = 2_000_000
"""Without a command that is meant."""


class Device:
    """A chip over its cells. *truth* gives the cell voltages (V, bottom first) at a moment: it is asked for each sampling
    instant, in order, when the device is called at or after it; call `settle` at `deadline` while what it measures moves.
    """

    def __init__(
        self,
        part: Part,
        truth: Callable[[int], Sequence[float]],
        *,
        seed: int,
        wiring: Wiring | None = None,
        pins: Sequence[Pin] = (),
        ideal: bool = False,
    ) -> None:
        self.part, self.registers = part, Registers(part)
        self.wiring = wiring or Wiring(part.cells)
        self.converters = Converters(part, seed=seed, ideal=ideal)
        self.pins: list[Pin] = [*pins, *(Loose() for _ in range(part.inputs - len(pins)))]
        self.timer = DischargeTimer()
        self.die_degc = 25.0
        self.truth = truth
        self._running: Measurement | None = None
        self._drifted_us = 0
        self._reference_us: int | None = None
        """When the reference is up; None while it is off."""
        self.heard_us = 0
        """The last command that was meant."""

    @property
    def deadline(self) -> int | None:
        """The next moment at which something is measured or done (µs)."""
        running = self._running
        if running is None:
            return None
        return running.steps[0].at_us if running.steps else running.done_us

    def busy(self, now: int) -> bool:
        """Whether a measurement runs at *now*."""
        self.settle(now)
        return self._running is not None

    def settle(self, now: int) -> None:
        """Do what is due up to *now*."""
        if self.die_degc > HOT_DEGC:
            self._overheat()
        elif self.timer.expired(now):
            self.registers.open_switches()
            self.timer.stop()
        running = self._running
        if running is None:
            return
        while running.steps and running.steps[0].at_us <= now:
            step = running.steps.pop(0)
            step.do(step.at_us)
        if running.done_us <= now:
            self._running = None
            self.drift(running.done_us, running.pull)
            self._enter(running)

    def unheard(self, now: int) -> bool:
        """The watchdog has run out. Whether the chip sleeps, everything forgotten; if its discharge timer runs, it goes on with
        that, and keeps all but the first four bytes of its configuration.
        """
        self.settle(now)
        self._running = self._reference_us = None
        if self.timer.runs(now):
            self.registers.forget_limits()
            return False
        self.timer.stop()
        self.registers.reset()
        return True

    def read(self, group: str, now: int) -> bytes:
        """Six bytes and PEC of *group*. A measurement that is not over has changed nothing yet."""
        self.settle(now)
        if group == "CFGA":
            self.registers.show_timer(pin=self.timer.pin, left=self.timer.left(now))
        image = self.registers.image(group)
        if group == "STATB" and self.registers.hot:
            self.registers.hot = 0
            self.registers.touch()
        return image

    def write(self, group: str, data: bytes, now: int) -> None:
        """Put *data* into *group*."""
        self.settle(now)
        self.registers.write(group, data)
        if group == "CFGA":
            on = bool(data[0] & 4)
            self._reference_us = (self._reference_us or now + REFERENCE_UP_US) if on else None
            self.timer.start(data[5] >> 4, now)
        if self.die_degc > HOT_DEGC:
            self._overheat()

    def order(self, name: str, now: int) -> None:
        """A command without options that measures nothing."""
        self.settle(now)
        registers = self.registers
        if name in ("MUTE", "UNMUTE"):
            registers.mute = name == "MUTE"
            registers.touch()
            return
        orders: dict[str, Callable[[], None]] = {
            "CLRCELL": registers.clear_cells,
            "CLRAUX": registers.clear_inputs,
            "CLRSTAT": registers.clear_status,
            "CLRSCTRL": lambda: registers.write("SCTRL", bytes(6)),
            "STCOMM": self._talk,
        }
        if name in orders:
            orders[name]()

    def convert(self, name: str, options: dict[str, int], now: int) -> None:
        """Begin a measurement or a self-test; one that runs is given up, its results never come."""
        self.settle(now)
        self.drift(now, 0 if self._running is None else self._running.pull)
        config = self.registers.written["CFGA"]
        mode = MODES[options.get("mode", 2), config[0] & 1]
        ready = self._reference_us
        begin = now + REFERENCE_UP_US if ready is None else max(now, ready)
        self._running = Plan(self, mode, begin).of(name, options)
        if begin > now:
            self._running.steps.insert(0, Step(begin, lambda at_us: self.drift(at_us, 0)))

    def discharging(self, now: int) -> list[float]:
        """The current (A) that flows through each cell's discharge switch at *now*; falls to 0 when nobody commands any more."""
        self.settle(now)
        if now - self.heard_us > WATCHDOG_US and not self.timer.runs(now):
            return [0.0] * self.part.cells
        running = self._running
        return self.through(self.truth(now), () if running is None else running.pauses, now)

    def through(self, cells_v: Sequence[float], paused: Sequence[int], now: int) -> list[float]:
        """The discharge current of each cell with *cells_v*, were it not for the *paused* ones."""
        switches = self.registers.switches()
        if not switches:
            return [0.0] * self.part.cells
        phase = now % PERIOD_US * 15 // PERIOD_US
        return [
            self.wiring.balance_a(volts, self.part.discharge_ohm)
            if switches >> cell & 1 and phase < self.registers.duty(cell) and cell not in paused
            else 0.0
            for cell, volts in enumerate(cells_v)
        ]

    def drift(self, at_us: int, pull: int) -> None:
        """Let floating pins move up to *at_us*."""
        if self.wiring.broken:
            self.wiring.drift(self.truth(at_us), at_us - self._drifted_us, pull=pull)
        self._drifted_us = at_us

    def _overheat(self) -> None:
        """Thermal shutdown: the configuration is as after power-up, so nothing is discharged."""
        self.registers.forget_configuration()
        self.registers.hot = 1
        self.timer.stop()
        self._reference_us = None

    def _enter(self, done: Measurement) -> None:
        """Results become visible, and flags with them."""
        registers = self.registers
        for cell, code in done.cells.items():
            registers.cells[cell] = code
            registers.flag(cell, code)
        for index, code in done.inputs.items():
            registers.inputs[index] = code
        for index, code in done.status.items():
            registers.status[index] = code
        if done.at_end is not None:
            done.at_end()
        registers.touch()

    def _talk(self) -> None:
        """STCOMM: send what COMM holds to the multiplexers on I2C, and note who acknowledged."""
        address: int | None = None
        answered = []
        for start, data, end in unpack(self.registers.written["COMM"]):
            if start == Start.NOTHING:
                answered.append(Sent(start, data, end))
                continue
            fresh = start == Start.START
            address = data if fresh else address
            heard = address is not None and any(
                pin.write(address, None if fresh else data) for pin in self.pins if isinstance(pin, Multiplexer)
            )
            answered.append(Sent(start, data, ACKNOWLEDGED if heard else REFUSED))
        self.registers.written["COMM"] = pack(answered)
        self.registers.touch()
