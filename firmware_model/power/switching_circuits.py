"""REF-30 as switched circuits, and the matrices that the switching kernel steps with, all taken from those circuits.

Front end and bridge meet at the link only. Each is its own circuit: the front end holds the link's capacitor and sees the bridge
as a held current, the bridge sees the link as a held voltage. The output filter is scaled so that all modules share the bus.
"""

from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.elements import (
    Capacitor,
    CurrentSource,
    Element,
    Inductor,
    Resistor,
    Switch,
    Transformer,
    VoltageSource,
)
from firmware_model.power.circuits.state_space import Layout, Matrix, state_space
from firmware_model.power.ref30 import Ref30

TIE_OHM, BRIDGE_OHM, RAIL_OHM, OFF_OHM = 1e6, 1e-3, 10e-3, 1e12
"""Ties of what floats in a three-wire system; one conducting position of the bridge, and of the front end (1.4: 50 mΩ in all)."""
CLARKE = np.array([[2 / 3, -1 / 3, -1 / 3], [0.0, 3**-0.5, -(3**-0.5)]])
PHASES = np.array([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
"""Three phases from two axes; *CLARKE* is the way back. There is no fourth wire, so nothing is lost."""


class F(IntEnum):
    """State of the front end, two axes: grid currents, filter voltages, converter currents; link, bridge, grid's angle."""

    GA = 0
    GB = auto()
    VA = auto()
    VB = auto()
    IA = auto()
    IB = auto()
    LINK = auto()
    DAB = auto()
    COS = auto()
    SIN = auto()


class B(IntEnum):
    """State of the bridge and output filter."""

    L = 0
    C1 = auto()
    CHOKE = auto()
    DAMP = auto()
    OUT = auto()
    LINK = auto()
    SOURCE = auto()
    Q_LINK = auto()
    """Charge taken from the link (As)."""
    Q_OUT = auto()
    """Charge delivered by the secondary's bridge (As)."""


def leg(name: str, *, top: str, bottom: str, mid: str, on_ohm: float) -> tuple[Element, Element]:
    """Upper and lower position. What does not conduct leaks nothing: a bridge at rest must take nothing from its capacitors."""
    return (
        Switch(name=f"H{name}", plus=top, minus=mid, on_ohm=on_ohm, off_ohm=OFF_OHM),
        Switch(name=f"L{name}", plus=mid, minus=bottom, on_ohm=on_ohm, off_ohm=OFF_OHM),
    )


def front_end_circuit(module: Ref30) -> Circuit:
    """Grid, LCL filter, six switches, link."""
    grid, lcl, link = module.grid, module.filter, module.link
    parts: list[Element] = []
    for x, phase_deg in (("a", 90.0), ("b", -30.0), ("c", -150.0)):
        parts += [
            VoltageSource(
                name=f"V{x}",
                plus=f"g{x}",
                minus="0",
                peak_v=grid.phase_peak_v,
                frequency_hz=grid.frequency_hz,
                phase_deg=phase_deg,
            ),
            Resistor(name=f"R2{x}", plus=f"g{x}", minus=f"h{x}", r_ohm=grid.r_ohm + lcl.grid_ohm),
            Inductor(name=f"L2{x}", plus=f"h{x}", minus=f"f{x}", l_h=grid.inductance_h + lcl.grid_h),
            Resistor(name=f"RD{x}", plus=f"f{x}", minus=f"k{x}", r_ohm=lcl.damping_ohm),
            Capacitor(name=f"CF{x}", plus=f"k{x}", minus="star", c_f=lcl.capacitor_f),
            Resistor(name=f"R1{x}", plus=f"f{x}", minus=f"m{x}", r_ohm=lcl.converter_ohm),
            Inductor(name=f"L1{x}", plus=f"m{x}", minus=x, l_h=lcl.converter_h),
            *leg(x, top="p", bottom="n", mid=x, on_ohm=RAIL_OHM),
        ]
    return Circuit(
        name="front end",
        elements=(
            *parts,
            Capacitor(name="CL", plus="p", minus="e", c_f=link.capacitance_f, initial_v=link.nominal_v),
            Resistor(name="ESR", plus="e", minus="n", r_ohm=link.esr_ohm),
            Resistor(name="BLEED", plus="p", minus="n", r_ohm=link.bleeder_ohm),
            CurrentSource(name="DAB", plus="p", minus="n", held=True),
            Resistor(name="TIE1", plus="star", minus="0", r_ohm=TIE_OHM),
            Resistor(name="TIE2", plus="n", minus="0", r_ohm=TIE_OHM),
        ),
    )


def bridge_circuit(module: Ref30, *, ratio: float, modules: int) -> Circuit:
    """Link to terminals: both bridges, inductor, transformer, C1, choke, damping branch. Terminals and link are held voltages."""
    dab, out = module.dab, module.output
    series_ohm = dab.r_ohm - 2.0 * BRIDGE_OHM * (1.0 + ratio**2)
    return Circuit(
        name="bridge",
        elements=(
            VoltageSource(name="LINK", plus="p", minus="0", dc_v=module.link.nominal_v, held=True),
            *leg("a", top="p", bottom="0", mid="a", on_ohm=BRIDGE_OHM),
            *leg("b", top="p", bottom="0", mid="b", on_ohm=BRIDGE_OHM),
            Inductor(name="L", plus="a", minus="x", l_h=dab.inductance_h),
            Resistor(name="R", plus="x", minus="y", r_ohm=series_ohm),
            Transformer(name="T", plus="y", minus="b", second_plus="s1", second_minus="s2", turns_ratio=ratio),
            *leg("s1", top="o", bottom="0", mid="s1", on_ohm=BRIDGE_OHM),
            *leg("s2", top="o", bottom="0", mid="s2", on_ohm=BRIDGE_OHM),
            Resistor(name="TIE", plus="s1", minus="0", r_ohm=1e9),
            Resistor(name="ESR", plus="o", minus="c", r_ohm=out.bridge_ohm * modules),
            Capacitor(name="C1", plus="c", minus="0", c_f=out.bridge_f / modules),
            Inductor(name="LO", plus="o", minus="t1", l_h=out.choke_h * modules),
            Resistor(name="RO", plus="t1", minus="t", r_ohm=out.choke_ohm * modules),
            Resistor(name="RD", plus="t", minus="d", r_ohm=out.damping_ohm * modules),
            Capacitor(name="CD", plus="d", minus="0", c_f=out.damping_f / modules),
            VoltageSource(name="PORT", plus="t", minus="0", held=True),
        ),
    )


def word(circuit: Circuit, closed: set[str]) -> int:
    """The configuration in which just *closed* conduct."""
    return sum(1 << bit for bit, switch in enumerate(circuit.switches) if switch.name in closed)


def front_end_matrices(module: Ref30) -> Matrix:
    """The eight configurations of the front end (bit 0..2: leg a..c is high), in two axes: dz/dt = matrix[configuration] z."""
    circuit = front_end_circuit(module)
    layout = Layout(circuit=circuit)
    up, down = np.zeros((layout.size, len(F))), np.zeros((len(F), layout.size))
    for at, kind in ((F.GA, "i(L2{})"), (F.VA, "v(CF{})"), (F.IA, "i(L1{})")):
        rows = [layout.states.index(kind.format(x)) for x in "abc"]
        up[np.ix_(rows, [at, at + 1])] = PHASES
        down[np.ix_([at, at + 1], rows)] = CLARKE
    link = layout.states.index("v(CL)")
    pairs = ((F.LINK, link), (F.DAB, len(layout.states)), (F.SIN, layout.one + 1), (F.COS, layout.one + 2))
    for ours, theirs in pairs:
        up[theirs, ours] = down[ours, theirs] = 1.0
    a = []
    for configuration in range(8):
        closed = {("H" if configuration >> bit & 1 else "L") + x for bit, x in enumerate("abc")}
        space = state_space(layout, word(circuit, closed))
        a.append(down @ space.a @ up)
    return np.array(a)


@dataclass(frozen=True, kw_only=True)
class BridgeMatrices:
    """Per configuration (bit 0: primary +, bit 1: secondary +; 4: no current in the inductor): dz/dt = *a* z.

    *port*: current into the terminals (A). The terminals' row of *a* is empty: the load fills it in.
    """

    a: Matrix
    port: Matrix


def bridge_matrices(module: Ref30, *, ratio: float, modules: int) -> BridgeMatrices:
    """The five configurations of the bridge for one wiring of the secondaries."""
    circuit = bridge_circuit(module, ratio=ratio, modules=modules)
    layout = Layout(circuit=circuit)
    names = [*layout.states, *layout.held]
    order = {"i(L)": B.L, "v(C1)": B.C1, "i(LO)": B.CHOKE, "v(CD)": B.DAMP, "PORT": B.OUT, "LINK": B.LINK}
    up = np.zeros((layout.size, len(B)))
    for name, at in order.items():
        up[names.index(name), at] = 1.0
    a, port = np.zeros((5, len(B), len(B))), np.zeros((5, len(B)))
    for configuration in range(5):
        first = {"Ha", "Lb"} if configuration & 1 else {"La", "Hb"}
        second = {"Hs1", "Ls2"} if configuration & 2 else {"Ls1", "Hs2"}
        space = state_space(layout, word(circuit, first | second))
        a[configuration] = up.T @ space.a @ up
        a[configuration, B.Q_LINK] = -space.rows["i(LINK)"] @ up
        a[configuration, B.Q_OUT] = (space.rows["i(ESR)"] + space.rows["i(LO)"]) @ up
        port[configuration] = space.rows["i(PORT)"] @ up
    for rows in (a[4], a[4].T):
        rows[B.L] = 0.0
    a[4, B.Q_LINK] = a[4, B.Q_OUT] = 0.0
    return BridgeMatrices(a=a, port=port)
