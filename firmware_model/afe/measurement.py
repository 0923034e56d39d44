"""What a measuring command of the chip does when: the instants at which it samples, and the moment its results are there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from firmware_model.afe.part import SLOTS, Mode
from firmware_model.afe.registers import Registers

if TYPE_CHECKING:
    from firmware_model.afe.device import Device

DIAGNOSE_US: Final = 400
ANALOGUE_V, DIGITAL_V = 5.0, 3.0
ROOM_OF_MORE_INPUTS: Final = 1.7
"""Ten channels instead of six take so much longer."""
INPUTS_BETWEEN: Final = 2
"""ADCVAX measures GPIO 1 and 2, where currents are, between the third and the fourth cell of each converter."""
MISMATCH: Final = 0xFF00
"""A redundant measurement whose filters disagree gives at least this."""


class Step(NamedTuple):
    """Something that a measurement does at *at_us*."""

    at_us: int
    do: Callable[[int], None]


@dataclass(slots=True)
class Measurement:
    """A measurement that runs: what is still to be done, when its results are there, and what it does to the pins."""

    steps: list[Step]
    done_us: int
    pull: int = 0
    pauses: tuple[int, ...] = ()
    """Cells that are not discharged meanwhile."""
    cells: dict[int, int] = field(default_factory=dict)
    inputs: dict[int, int] = field(default_factory=dict)
    status: dict[int, int] = field(default_factory=dict)
    at_end: Callable[[], None] | None = None


class Plan:
    """Makes a measurement of a command: which steps at which moments, in *mode* from *begin* on."""

    def __init__(self, device: "Device", mode: Mode, begin: int) -> None:
        self._device, self._mode, self._begin = device, mode, begin
        self._part = device.part

    def of(self, name: str, options: dict[str, int]) -> Measurement:
        """The measurement of command *name*."""
        channel = options.get("channel", 0)
        running = Measurement([], 0)
        if name in ("ADCV", "ADOW", "ADCVSC", "ADCVAX"):
            pull = (1 if options["pull_up"] else -1) if name == "ADOW" else 0
            self._cells(running, channel, pull, room=INPUTS_BETWEEN if name == "ADCVAX" else 0)
            self._pause(running, channel, options)
            if name == "ADCVSC":
                self._status(running, [0], permit_us=self._mode.all_us)
            elif name == "ADCVAX":
                self._inputs(running, [0, 1], 0, slot=SLOTS // 2)
                running.done_us = self._begin + self._mode.mixed_us + self._part.extra_us
        elif name in ("ADAX", "ADAXD", "AXOW"):
            pull = (1 if options["pull_up"] else -1) if name == "AXOW" else 0
            self._inputs(running, self._asked_inputs(channel), pull)
            running.done_us = self._end(channel, of_inputs=True)
        elif name in ("ADSTAT", "ADSTATD"):
            self._status(running, range(4) if not channel else [channel - 1])
            running.done_us = self._begin + (self._mode.one_us if channel else self._mode.status_us) + self._part.extra_us
        elif name == "ADOL":
            self._overlap(running)
            self._pause(running, 1, options)
        elif name == "DIAGN":
            running.done_us = self._begin + DIAGNOSE_US
            running.at_end = self._diagnosed
        else:
            self._self_test(running, name, options["self_test"])
        if name in ("ADAXD", "ADSTATD") and self._device.converters.flaws.redundancy_fails:
            running.at_end = lambda: _spoil(running, self._device.registers)
        running.steps.sort(key=lambda step: step.at_us)
        return running

    def _end(self, channel: int, *, of_inputs: bool = False) -> int:
        last_us = self._mode.one_us if channel else self._mode.all_us
        if of_inputs and not channel and self._part.inputs > 5:
            last_us = round(last_us * ROOM_OF_MORE_INPUTS)
        return self._begin + last_us + self._part.extra_us

    def _cells(self, running: Measurement, channel: int, pull: int, *, room: int = 0) -> None:
        """*room*: how many other slots come between the first three cells of a converter and the rest."""
        running.pull, running.done_us = pull, self._end(channel)
        for slot in range(SLOTS) if not channel else [(channel - 1) % SLOTS]:
            after_us = self._mode.first_us if channel else self._mode.sampled_us(slot + room * (slot >= SLOTS // 2))
            running.steps.append(Step(self._begin + after_us, self._cell_step(running, slot)))

    def _pause(self, running: Measurement, channel: int, options: dict[str, int]) -> None:
        """Unless discharging is permitted (DCP), measured cells and their neighbours are not discharged."""
        if not options.get("permit"):
            cells = range(self._part.cells)
            running.pauses = tuple(c for c in cells if not channel or near(c, (channel - 1) % SLOTS))

    def _cell_step(self, running: Measurement, slot: int) -> Callable[[int], None]:
        device, part, mode = self._device, self._part, self._mode

        def sample(at_us: int) -> None:
            device.drift(at_us, running.pull)
            seen_v = self._seen(running, slot, at_us)
            for converter in range(part.converters):
                cell = converter * SLOTS + slot
                swapped = device.converters.flaws.mux_fails and converter == 0
                volts = seen_v[cell ^ 1 if swapped else cell]
                running.cells[cell] = device.converters.code(
                    volts, converter, mode, at_us=at_us, die_degc=device.die_degc, exposed=True
                )

        return sample

    def _seen(self, running: Measurement, slot: int, at_us: int) -> list[float]:
        device, truth_v = self._device, self._device.truth(at_us)
        if not device.wiring.broken and not device.registers.switches():
            return list(truth_v)
        paused = [cell for cell in running.pauses if near(cell, slot)]
        return device.wiring.seen_v(truth_v, pull=running.pull, discharging_a=device.through(truth_v, paused, at_us))

    def _asked_inputs(self, channel: int) -> Sequence[int]:
        """Places in the list of inputs: GPIO 1 to 5, the second reference, GPIO 6 to 9."""
        if not channel:
            return range(self._part.inputs + 1)
        pair = channel + 5 if self._part.inputs > 5 and channel < 5 else None
        return [channel - 1] if pair is None else [channel - 1, pair]

    def _inputs(self, running: Measurement, places: Sequence[int], pull: int, *, slot: int = 0) -> None:
        """The first of *places* in *slot*, the others in the next ones."""
        device, mode = self._device, self._mode
        pull_a = pull * device.wiring.board.pull_a

        def step(place: int) -> Callable[[int], None]:
            def sample(at_us: int) -> None:
                volts = reference_v = device.converters.second_reference_v(device.die_degc)
                if place != 5:
                    pin = place if place < 5 else place - 1
                    volts = device.pins[pin].voltage_v(reference_v, pull_a) if device.registers.released(pin + 1) else 0.0
                running.inputs[place] = device.converters.code(volts, 0, mode, at_us=at_us, die_degc=device.die_degc)

            return sample

        for turn, place in enumerate(places):
            running.steps.append(Step(self._begin + mode.sampled_us(slot + turn), step(place)))

    def _status(self, running: Measurement, places: Sequence[int], *, permit_us: int = 0) -> None:
        device, mode, part = self._device, self._mode, self._part

        def step(place: int) -> Callable[[int], None]:
            def sample(at_us: int) -> None:
                volts = (
                    sum(device.truth(at_us)) / part.scale.sum_of_cells,
                    (device.die_degc + part.scale.die_zero_k) * part.scale.die_v_per_k,
                    ANALOGUE_V,
                    DIGITAL_V,
                )[place]
                running.status[place] = device.converters.code(volts, 0, mode, at_us=at_us, die_degc=device.die_degc)

            return sample

        for turn, place in enumerate(places):
            running.steps.append(Step(self._begin + permit_us + mode.first_us * (turn + 1), step(place)))
        if permit_us:
            running.done_us += mode.one_us

    def _overlap(self, running: Measurement) -> None:
        """The first cell of a converter is measured by the one below as well; both results stand side by side."""
        device, mode = self._device, self._mode
        running.done_us = self._end(1)

        def sample(at_us: int) -> None:
            seen_v = self._seen(running, 0, at_us)
            for converter in range(1, self._part.converters):
                cell = converter * SLOTS
                for place, judge in ((cell, converter - 1), (cell + 1, converter)):
                    running.cells[place] = device.converters.code(
                        seen_v[cell], judge, mode, at_us=at_us, die_degc=device.die_degc, exposed=True
                    )

        running.steps.append(Step(self._begin + mode.first_us, sample))

    def _diagnosed(self) -> None:
        self._device.registers.mux_failed = int(self._device.converters.flaws.mux_fails)

    def _self_test(self, running: Measurement, name: str, test: int) -> None:
        converters, mode = self._device.converters, self._mode
        running.done_us = self._end(0, of_inputs=name == "AXST")
        if name == "STATST":
            running.done_us = self._begin + mode.status_us + self._part.extra_us
        if test not in (1, 2):
            return
        if name == "CVST":
            running.cells = {cell: converters.pattern(cell // SLOTS, mode, test) for cell in range(self._part.cells)}
        elif name == "AXST":
            running.inputs = dict.fromkeys(range(self._part.inputs + 1), converters.pattern(0, mode, test))
        else:
            running.status = dict.fromkeys(range(4), converters.pattern(0, mode, test))


def near(cell: int, slot: int) -> bool:
    """Whether *cell* (from 0) or its neighbour is measured in *slot*."""
    return abs(cell % SLOTS - slot) in (0, 1, SLOTS - 1)


def _spoil(done: Measurement, registers: Registers) -> None:
    """Both digital filters disagree: the results say so."""
    for place in done.inputs:
        registers.inputs[place] |= MISMATCH
    for place in done.status:
        registers.status[place] |= MISMATCH
