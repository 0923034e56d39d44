"""Exact steps: exp(A h) - I and the integrals of quadratic forms over a step, for every power of two of the time unit.

A step of any whole number of units is the product of a few of them. Kept as exp - I, because near I the exponential itself would
lose what it is about. Doubling never subtracts, so stiff configurations (an open switch behind an inductor) cost nothing extra.
"""

import numpy as np

from firmware_model.power.circuits.state_space import Matrix

UNIT_S = 1e-12
"""The engine's unit of time: a picosecond."""
SMALL, TERMS = 0.05, 10
"""Norm of A h from which doubling starts, and terms of the series there: the remainder is below 1e-20."""


def powers(a: Matrix, forms: Matrix, levels: int) -> tuple[Matrix, Matrix]:
    """For step lengths 1, 2, 4 ... 2**(*levels* - 1) units: E = exp(A h) - I, and W of each of *forms*.

    Shapes (levels, n, n) and (levels, m, n, n); ∫ zᵀ Q z over the step is zᵀ W z with z at its beginning. *forms* (m, n, n) are
    symmetric.
    """
    n = len(a)
    norm = float(np.abs(a).sum(axis=1).max()) * UNIT_S
    halvings = max(0, int(np.ceil(np.log2(norm / SMALL)))) if norm > SMALL else 0
    step, integral = _series(a, forms, UNIT_S / 2**halvings)
    steps, integrals = np.empty((levels, n, n)), np.empty((levels, len(forms), n, n))
    for level in range(-halvings, levels):
        if level > -halvings:
            integral = _doubled(step, integral)
            step = 2.0 * step + step @ step
        if level >= 0:
            steps[level], integrals[level] = step, integral
    return steps, integrals


def _series(a: Matrix, forms: Matrix, h: float) -> tuple[Matrix, Matrix]:
    """E and W of a step that is short against everything in *a*."""
    step, term = np.zeros_like(a), np.eye(len(a))
    for k in range(1, TERMS + 1):
        term = term @ a * (h / k)
        step += term
    integral = np.zeros_like(forms)
    part = forms * h
    for k in range(2, TERMS + 2):
        integral += part
        part = (a.T @ part + part @ a) * (h / k)
    return step, integral


def _doubled(step: Matrix, integral: Matrix) -> Matrix:
    """W of twice the step: W + (I + E)ᵀ W (I + E)."""
    moved = integral + integral @ step
    return integral + moved + step.T @ moved
