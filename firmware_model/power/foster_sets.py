"""Foster sets of named power modules, junction to case, as their data sheets print them."""

from typing import Final

from firmware_model.power.thermal import Foster


def _set(stated_k_per_w: float, *terms: tuple[float, float]) -> Foster:
    """*terms* are pairs of resistance (K/W) and time constant (s)."""
    r, tau = zip(*terms, strict=True)
    return Foster(r_k_per_w=r, tau_s=tau, stated_k_per_w=stated_k_per_w)


FOSTER_SETS: Final = {
    "FF450R12KT4 IGBT": _set(0.062, (0.00372, 0.01), (0.02046, 0.02), (0.01984, 0.05), (0.01798, 0.1)),
    "FF450R12KT4 diode": _set(0.110, (0.0066, 0.01), (0.0363, 0.02), (0.0352, 0.05), (0.0319, 0.1)),
    "FF900R12IE4 IGBT": _set(0.0295, (0.0012, 0.0008), (0.006, 0.013), (0.020, 0.05), (0.0023, 0.6)),
    "FF900R12IE4 diode": _set(0.0535, (0.0045, 0.0008), (0.0127, 0.013), (0.0354, 0.05), (0.0009, 0.6)),
    "2MBI100XAA120-50 IGBT": _set(0.2806, (0.0301, 0.0023), (0.10781, 0.0598), (0.0664, 0.0708), (0.07632, 0.301)),
    "2MBI100XAA120-50 diode": _set(0.5498, (0.05897, 0.0023), (0.2112, 0.0598), (0.13008, 0.0708), (0.1495, 0.301)),
    "FF200R12KE3 IGBT": _set(0.120, (0.00228, 1.19e-5), (0.00683, 0.00236), (0.06045, 0.02601), (0.05044, 0.06499)),
    "CM200DY-24T IGBT": _set(0.063, (0.00065, 1.18e-5), (0.00497, 4.44e-4), (0.04192, 8.19e-3), (0.01545, 0.02428)),
}
"""By part and chip. The first four are primary data; the others digitised."""
