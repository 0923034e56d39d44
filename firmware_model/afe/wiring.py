"""Between the cells and the chip's C pins: filters, sense wires, and what a broken one does.

Node m is pin C(m), from 0 (bottom) to N (top); cell m lies between the nodes m - 1 and m. A node that has lost its wire floats:
only its filter capacitor holds it, the open-wire current of the chip moves it, the pin's leakage too, and the diodes in the chip
keep it near its neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

US: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is on the board between a cell and its pin."""

    r_ohm: float = 100.0
    """In series with each pin."""
    c_farad: float = 10e-9
    """From each pin to its neighbours."""
    wire_ohm: float = 0.01
    """Of a sense wire, shared by the pin and the discharge current."""
    balance_ohm: float = 33.0
    """In series with the discharge switch."""
    pull_a: float = 100e-6
    """The chip's open-wire current, 70 to 130 µA."""
    leakage_a: float = 10e-9
    """Into a pin that is not measured, up to 250 nA."""
    diode_v: float = 0.3
    """How far a pin may be driven beyond its neighbours."""

    def __post_init__(self) -> None:
        limits = {
            "r_ohm": (0.0, 1e4), "c_farad": (1e-12, 1e-3), "wire_ohm": (0.0, 100.0), "balance_ohm": (0.1, 1e4),
            "pull_a": (1e-6, 1e-3), "leakage_a": (0.0, 1e-5), "diode_v": (0.0, 1.0),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Filter.{name} = {value}: {low:g}..{high:g}")


class Wiring:
    """The nodes of one chip with *cells* cells."""

    def __init__(self, cells: int, board: Filter | None = None) -> None:
        self.cells = cells
        self.board = board or Filter()
        self._adrift: dict[int, float] = {}
        """Floating nodes, and how far each is above its true potential (V)."""

    @property
    def broken(self) -> frozenset[int]:
        """Nodes whose wire is open."""
        return frozenset(self._adrift)

    def cut(self, node: int) -> None:
        """Open the wire of *node*; it stays where it is at first."""
        if not 0 <= node <= self.cells:
            raise ValueError(f"node {node}: 0..{self.cells}")
        self._adrift.setdefault(node, 0.0)

    def mend(self, node: int) -> None:
        """Close it again; does nothing if it is closed."""
        self._adrift.pop(node, None)

    def drift(self, cells_v: Sequence[float], lasts_us: int, *, pull: int = 0) -> None:
        """Let the floating nodes move for *lasts_us*: by the open-wire current (*pull* 1 up, -1 down), else by leakage."""
        if not self._adrift:
            return
        board = self.board
        current_a = pull * board.pull_a if pull else -board.leakage_a
        for node, above_v in self._adrift.items():
            below_v = cells_v[node - 1] if node else 0.0
            room_v = cells_v[node] if node < self.cells else 0.0
            moved_v = above_v + current_a * lasts_us * US / board.c_farad
            self._adrift[node] = min(max(moved_v, -below_v - board.diode_v), room_v + board.diode_v)

    def shifts(self, *, pull: int, discharging_a: Sequence[float]) -> list[float]:
        """How far each node is off its cell's pole (V): floating, pulled through its filter, or by the discharge current that
        its wire carries. *discharging_a*: of each cell, as it flows through the wires of its two nodes.
        """
        board = self.board
        shifts = [pull * board.pull_a * board.r_ohm] * (self.cells + 1)
        for cell, current_a in enumerate(discharging_a):
            if current_a:
                shifts[cell + 1] -= current_a * board.wire_ohm
                shifts[cell] += current_a * board.wire_ohm
        for node, above_v in self._adrift.items():
            shifts[node] = above_v
        return shifts

    def seen_v(self, cells_v: Sequence[float], *, pull: int = 0, discharging_a: Sequence[float] = ()) -> list[float]:
        """What the chip has between its pins, where the cells have *cells_v*."""
        if not self._adrift and not any(discharging_a):
            return list(cells_v)  # the same shift on both nodes of a cell is not seen
        shifts = self.shifts(pull=pull, discharging_a=discharging_a)
        return [cell_v + shifts[m + 1] - shifts[m] for m, cell_v in enumerate(cells_v)]

    def balance_a(self, cell_v: float, switch_ohm: float) -> float:
        """The current of a cell that is being discharged."""
        total_ohm = self.board.balance_ohm + switch_ohm + 2.0 * self.board.wire_ohm
        return cell_v / total_ohm if total_ohm < inf else 0.0
