"""Writes the physical truth of a bench into its trace: after every step of the plant, each signal where it changed."""

from firmware_model.board import Dout
from firmware_model.pile import Pile
from firmware_model.trace import Trace
from firmware_model.vehicle import Vehicle


class Recorder:
    """Observes the plant of *pile* and the pack of *vehicle*."""

    def __init__(self, trace: Trace, pile: Pile, vehicle: Vehicle) -> None:
        signal = trace.signal
        self._pile, self._vehicle = pile, vehicle
        self._output_v = signal("output voltage", "V").record
        self._stage_v = signal("stage voltage", "V").record
        self._output_a = signal("output current", "A").record
        self._battery_v = signal("battery voltage", "V").record
        self._demand_a = signal("demanded current", "A").record
        self._soc_pct = signal("state of charge", "%").record
        self._battery_degc = signal("battery temperature", "degC").record
        self._plug_degc = signal("plug temperature", "degC").record
        self._energy_wh = signal("energy", "Wh").record
        self._coils = signal("coils", "").record
        self._k5k6 = signal("K5/K6", "").record
        pile.observe = self.observe

    def observe(self, now: int) -> None:
        """The plant has stepped to *now*."""
        circuit, pack = self._pile.circuit, self._vehicle.pack
        self._output_v(now, round(circuit.interface_v, 2))
        self._stage_v(now, round(circuit.stage_v, 2))
        self._output_a(now, round(circuit.current_a, 2))
        self._battery_v(now, round(pack.voltage_v, 2))
        self._demand_a(now, self._pile.board.outputs.current_ma / 1000)
        self._soc_pct(now, round(100 * pack.soc, 2))
        self._battery_degc(now, round(pack.temp_degc, 2))
        self._plug_degc(now, round(max(circuit.plug.sensors_degc()), 1))
        self._energy_wh(now, round(circuit.energy_wh, 1))
        self._coils(now, self._pile.board.outputs.gpio & (Dout.LOCK | Dout.K1K2 | Dout.K3K4 | Dout.BLEEDER))
        self._k5k6(now, self._vehicle.inlet.closed(now))
