"""Exact steps of linear circuits, compiled: a ladder of matrix exponentials, and a series for what is left of a step.

Matrices are transposed, so that a product runs along their rows.
"""

from typing import Final

from numba import njit
from numpy import ndarray

ORDER: Final = 4
RUNGS: Final = 7
LONGEST_S: Final = 25e-6
STEP_S: Final = LONGEST_S / 2 ** (RUNGS - 1)
"""The ladder holds steps of *STEP_S* times 1, 2, 4 .. 64."""


@njit(cache=True, error_model="numpy")
def climb(a: ndarray, ladder: ndarray) -> None:
    """Fill *ladder* (configuration, rung) with the exponentials of the transposed matrices *a*."""
    n = a.shape[1]
    term, following = a[0].copy(), a[0].copy()
    for slot in range(a.shape[0]):
        first = ladder[slot, 0]
        for i in range(n):
            for j in range(n):
                first[i, j] = term[i, j] = 1.0 if i == j else 0.0
        for k in range(1, 9):
            multiply(term, a[slot], following, STEP_S / k)
            term[:] = following
            first += term
        for k in range(1, RUNGS):
            multiply(ladder[slot, k - 1], ladder[slot, k - 1], ladder[slot, k], 1.0)


@njit(cache=True, error_model="numpy")
def multiply(left: ndarray, right: ndarray, out: ndarray, scale: float) -> None:
    """*out* = *scale* times *left* times *right*."""
    n = left.shape[0]
    for i in range(n):
        for j in range(n):
            out[i, j] = 0.0
        for k in range(n):
            value = left[i, k] * scale
            for j in range(n):
                out[i, j] += value * right[k, j]


@njit(cache=True, error_model="numpy")
def apply(a: ndarray, z: ndarray, out: ndarray, scale: float) -> None:
    """*out* = *scale* times the transposed matrix *a* times *z*: by columns, which compilers vectorise. *z* and *out* may be
    longer.
    """
    n = a.shape[0]
    for i in range(n):
        out[i] = 0.0
    for j in range(n):
        value = z[j] * scale
        for i in range(n):
            out[i] += a[j, i] * value


@njit(cache=True, error_model="numpy")
def move(a: ndarray, ladder: ndarray, z: ndarray, h: float, work: ndarray) -> None:
    """*z* moved by *h* (s, at most `LONGEST_S`) in one configuration."""
    n = z.size
    count = min(int(h * (1.0 / STEP_S)), 2 ** (RUNGS - 1))
    rest, rung = h - count * STEP_S, 0
    while count > 0:
        if count & 1:
            apply(ladder[rung], z, work[0], 1.0)
            for i in range(n):
                z[i] = work[0, i]
        count >>= 1
        rung += 1
    if rest > 0.0:
        for i in range(n):
            work[1, i] = z[i]
        for k in range(1, ORDER + 1):
            apply(a, work[1], work[0], rest / k)
            for i in range(n):
                work[1, i] = work[0, i]
                z[i] += work[0, i]
