"""Open-circuit potentials of electrode materials, against lithium, by stoichiometry.

Published fits: graphite-SiOx and NMC811 after Chen et al. 2020 (J. Electrochem. Soc. 167, 080534), LiFePO4 after Afshar et al.
2017. Each is tabulated once, so that a look-up is two loads and a multiplication; beyond 0 and 1 the outermost line goes on.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INTERVALS = 4000
"""Of a table over stoichiometry 0..1. The straight lines between are off by less than 0.05 mV where a cell works."""


def graphite_v(x: Floats) -> Floats:
    """Graphite with some silicon; *x* is the lithium it holds (0..1)."""
    steps = ((0.0909, 29.8538, 0.1234), (0.04478, 14.9159, 0.2769), (0.0205, 30.4444, 0.6103))
    return 0.2482 + 1.9793 * np.exp(-39.3631 * x) - sum(height * np.tanh(steep * (x - at)) for height, steep, at in steps)


def nmc811_v(y: Floats) -> Floats:
    """Nickel-manganese-cobalt oxide 8:1:1."""
    steps = ((0.0428, 18.5138, 0.5542), (17.7326, 15.7890, 0.3117), (-17.5842, 15.9308, 0.3120))
    return 4.4875 - 0.8090 * y - sum(height * np.tanh(steep * (y - at)) for height, steep, at in steps)


def lfp_v(y: Floats) -> Floats:
    """Lithium iron phosphate: a plateau with an exponential at either end."""
    return 3.4077 - 0.020269 * y + 0.5 * np.exp(-150.0 * y) - 0.9 * np.exp(-30.0 * (1.0 - y))


def tabulated(potential_v: Callable[[Floats], Floats]) -> Floats:
    """*potential_v* at every `INTERVALS`-th of the stoichiometry."""
    return np.ascontiguousarray(potential_v(np.linspace(0.0, 1.0, INTERVALS + 1)))


def at(table_v: Floats, stoichiometry: float) -> float:
    """The potential (V) that a table of `tabulated` gives, straight on beyond its ends."""
    s = stoichiometry * INTERVALS
    k = min(max(int(s), 0), INTERVALS - 1)
    return float(table_v[k] + (table_v[k + 1] - table_v[k]) * (s - k))
