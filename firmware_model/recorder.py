"""Writes the physical truth of a bench into its trace: after every step of the plant, each signal where it changed."""

from firmware_model.board import Dout
from firmware_model.pile import Pile
from firmware_model.trace import Trace
from firmware_model.vehicle import Vehicle

_COILS = int(Dout.LOCK | Dout.K1K2 | Dout.K3K4 | Dout.BLEEDER)
SIGNALS = {
    "output voltage": "V",
    "stage voltage": "V",
    "output current": "A",
    "battery voltage": "V",
    "demanded current": "A",
    "state of charge": "%",
    "battery temperature": "degC",
    "plug temperature": "degC",
    "energy": "Wh",
    "coils": "",
    "K5/K6": "",
    "contacts": "",
    "conditions": "",
    "detection point 1": "V",
}
"""What is recorded, by name, with its unit. Coils are the bits of `Dout`.

Contacts that really are closed: 1 K1, 2 K2, 4 K3, 8 K4, 16 the lock's bolt. Conditions: 1 the safety loop is open, 2 mains are
present, 4 protective earth is, 8 switch S of the plug is open, 16 the plug is in the inlet.
"""
SOC_STEP, DEGC_STEP, WH_STEP = 1e4, 1e2, 1e1
"""Steps per unit that are worth an entry (the state of charge is a share here)."""


class Recorder:
    """Observes the plant of *pile* and the pack of *vehicle*."""

    def __init__(self, trace: Trace, pile: Pile, vehicle: Vehicle) -> None:
        self._signals = [trace.signal(name, unit) for name, unit in SIGNALS.items()]
        self._last: list[float] = [float("nan")] * len(self._signals)
        self._pile, self._vehicle = pile, vehicle
        pile.observe = self.observe

    def observe(self, now: int) -> None:
        """The plant has stepped to *now*. Values are rounded to what is worth an entry, by whole steps as that is quickest."""
        circuit, pack, outputs = self._pile.circuit, self._vehicle.pack, self._pile.board.outputs
        inlet, plug = self._vehicle.inlet, circuit.plug
        truth: list[float] = [
            int(circuit.interface_v * 100) / 100,
            int(circuit.stage_v * 100) / 100,
            int(circuit.current_a * 100) / 100,
            int(pack.voltage_v * 100) / 100,
            outputs.current_ma / 1000,
            int(pack.soc * SOC_STEP) / 100,
            int(pack.temp_degc * DEGC_STEP) / DEGC_STEP,
            int((plug.plus_degc if plug.plus_degc > plug.minus_degc else plug.minus_degc) * 10) / 10,
            int(circuit.energy_wh * WH_STEP) / WH_STEP,
            outputs.gpio & _COILS,
            circuit.fed if circuit.inlet is inlet else inlet.closed(now),  # the circuit has just looked
            *self._pile.facts,
        ]
        last = self._last
        if truth != last:
            for value, before, signal in zip(truth, last, self._signals, strict=True):
                if value != before:
                    signal.times_us.append(now)  # `append`, without a call
                    signal.values.append(value)
            self._last = truth
