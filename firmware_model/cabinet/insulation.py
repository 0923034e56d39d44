"""Insulation against earth: the true paths, and the monitor with a switched bridge that measures them."""

from typing import NamedTuple

BIG_OHM = 1e9


class Insulation:
    """All paths from DC+ and DC- to earth, by name; paths in parallel add up. Set or remove any at any time.

    Healthy parts: 20 MΩ each side in the pile; the vehicle adds its own while it is plugged in.
    """

    def __init__(self) -> None:
        self.plus_ohm: dict[str, float] = {"pile": 20e6}
        self.minus_ohm: dict[str, float] = {"pile": 20e6}

    def set(self, place: str, *, plus_ohm: float, minus_ohm: float) -> None:
        """Put a path on each side at *place* (infinity for none)."""
        self.plus_ohm[place], self.minus_ohm[place] = plus_ohm, minus_ohm

    def remove(self, place: str) -> None:
        """Take away whatever is at *place*."""
        self.plus_ohm.pop(place, None)
        self.minus_ohm.pop(place, None)

    @property
    def plus_s(self) -> float:
        """Conductance from DC+ to earth."""
        return sum(1.0 / max(r_ohm, 1e-3) for r_ohm in self.plus_ohm.values())

    @property
    def minus_s(self) -> float:
        """Conductance from DC- to earth."""
        return sum(1.0 / max(r_ohm, 1e-3) for r_ohm in self.minus_ohm.values())


class Result(NamedTuple):
    """What the monitor found; at most `BIG_OHM`."""

    plus_ohm: float
    minus_ohm: float

    @property
    def r_ohm(self) -> float:
        """The smaller side, which decides (GB/T 18487.1-2015 B.4.1)."""
        return min(self.plus_ohm, self.minus_ohm)


class InsulationMonitor:
    """Connects a known resistor to each pole in turn and solves the two voltage ratios for both sides.

    One measurement takes *measuring_us* and needs at least *least_v* between the poles, else it yields nothing. Each pole
    voltage is read with *error* (relative, one polarity) and steps of *lsb_v*, so large resistances are uncertain, as in a real
    instrument.
    """

    def __init__(
        self, truth: Insulation, *, bridge_ohm: float = 300e3, measuring_us: int = 1_200_000, least_v: float = 50.0
    ) -> None:
        self.truth = truth
        self.bridge_ohm = bridge_ohm
        self.measuring_us = measuring_us
        self.least_v = least_v
        self.lsb_v = 0.015
        self.error = 0.0
        self._begun: int | None = None
        self._result: Result | None = None

    @property
    def active(self) -> bool:
        """Whether the bridge is switched in."""
        return self._begun is not None

    @property
    def ready_at(self) -> int | None:
        """When the running measurement is over (µs), or None while the bridge is out."""
        return None if self._begun is None else self._begun + self.measuring_us

    def start(self, now: int) -> None:
        """Switch the bridge in and begin a measurement; a running one is dropped."""
        self._begun, self._result = now, None

    def stop(self) -> None:
        """Switch the bridge out, as must be done before the vehicle's own monitor takes over."""
        self._begun = self._result = None

    def result(self, now: int, voltage_v: float) -> Result | None:
        """The finding, or None before the measuring time is over, while stopped, or without voltage. Stays the same until
        `start`.
        """
        if self._begun is None or now - self._begun < self.measuring_us:
            return None
        if self._result is None and voltage_v >= self.least_v:
            self._result = self._measure(voltage_v)
        return self._result

    def _measure(self, voltage_v: float) -> Result:
        """With the bridge on plus, U+/U- = G-/(G+ + Gb); on minus, U+/U- = (G- + Gb)/G+. Two equations, two unknowns."""
        bridge_s, plus_s, minus_s = 1.0 / self.bridge_ohm, self.truth.plus_s, self.truth.minus_s
        on_plus = self._ratio(voltage_v, plus_s + bridge_s, minus_s)
        on_minus = self._ratio(voltage_v, plus_s, minus_s + bridge_s)
        found_plus_s = bridge_s * (1.0 + on_plus) / max(on_minus - on_plus, 1e-9)
        found_minus_s = on_plus * (found_plus_s + bridge_s)
        return Result(_resistance(found_plus_s), _resistance(found_minus_s))

    def _ratio(self, voltage_v: float, plus_s: float, minus_s: float) -> float:
        """U+/U- as the instrument reads it; without any path the poles float symmetrically."""
        total = plus_s + minus_s
        plus_v = voltage_v * minus_s / total if total else voltage_v / 2
        read_plus_v = self.lsb_v * round(plus_v * (1.0 + self.error) / self.lsb_v)
        read_minus_v = self.lsb_v * round((voltage_v - plus_v) / self.lsb_v)
        return read_plus_v / max(read_minus_v, self.lsb_v)


def _resistance(conductance_s: float) -> float:
    return BIG_OHM if conductance_s <= 1.0 / BIG_OHM else 1.0 / conductance_s
