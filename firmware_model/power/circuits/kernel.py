"""The walk through a circuit's configurations, compiled. Times are whole picoseconds.

Between two gate edges the state advances in exact steps of 2**k ps. After each step the guards are looked at: rows that are
positive where a diode has to change or a comparator trips. The first to become positive inside a step is found by halving the
step down to one picosecond.
"""

from numba import njit
from numpy import ndarray

DONE, UNKNOWN, FULL, LOST, RESTLESS = 0, 1, 2, 3, 4
"""Why the walk came back: at the end; a configuration not built yet; trace full; a number that is none; diodes without a
consistent state."""
NOW, END, NEXT, WORD, DIODES, BLOCKED, LATCHED, ROWS, FROM, TO, COUNT, LONGEST, FLIPS, WANTED, SIZE = range(15)
"""Where the walk is: time and end (ps); next edge; gates; conducting diodes; switches opened by comparators, until their next
edge and for good; rows traced, and from when to when; configurations known; level of the longest step; changes in this instant;
the configuration it came back for."""
RESTLESS_FLIPS = 64
HUGE = 1e12
"""Beyond this a state counts as overflowed."""


@njit(cache=True, error_model="numpy", inline="always")
def stepped(step: ndarray, z: ndarray, after: ndarray) -> None:
    """*after* = (I + E) *z*."""
    n = z.size
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += step[i, j] * z[j]
        after[i] = z[i] + total


@njit(cache=True, error_model="numpy", inline="always")
def booked(forms: ndarray, z: ndarray, books: ndarray) -> None:
    """Add zᵀ W z of each form to *books*."""
    n = z.size
    for m in range(books.size):
        total = 0.0
        for i in range(n):
            row = 0.0
            for j in range(n):
                row += forms[m, i, j] * z[j]
            total += row * z[i]
        books[m] += total


@njit(cache=True, error_model="numpy", inline="always")
def alarmed(guards: ndarray, z: ndarray, opens: ndarray, configuration: int) -> int:
    """The guard that is furthest above zero, or -1; a comparator counts only while it has something to open."""
    worst, found, diodes = 0.0, -1, guards.shape[0] - opens.size
    for g in range(guards.shape[0]):
        if g >= diodes and not opens[g - diodes] & configuration:
            continue
        value = 0.0
        for j in range(z.size):
            value += guards[g, j] * z[j]
        if value > worst:
            worst, found = value, g
    return found


@njit(cache=True, error_model="numpy", inline="always")
def sound(z: ndarray) -> bool:
    """Whether *z* is numbers of a size that occurs."""
    total = 0.0
    for i in range(z.size):
        total += abs(z[i])
    return total < HUGE  # false of what is no number, too


@njit(cache=True, error_model="numpy", inline="always")
def slot_of(configuration: int, known: ndarray, count: int) -> int:
    """Where *configuration* is kept, or -1."""
    for slot in range(count):
        if known[slot] == configuration:
            return slot
    return -1


@njit(cache=True, error_model="numpy", inline="always")
def gated(at: ndarray, edge_ps: ndarray, edge_word: ndarray) -> None:
    """Take over the gates of all edges up to now. A switch that a comparator opened is free again at its next closing edge."""
    while at[NEXT] < edge_ps.size and edge_ps[at[NEXT]] <= at[NOW]:
        word = edge_word[at[NEXT]]
        at[BLOCKED] &= ~(word & ~at[WORD])
        at[WORD] = word
        at[NEXT] += 1


@njit(cache=True, error_model="numpy", inline="always")
def until(at: ndarray, edge_ps: ndarray) -> int:
    """Where the present stretch ends: the next edge, the end, or a border of the traced window."""
    stop = int(at[END])
    if at[NEXT] < edge_ps.size:
        stop = min(stop, int(edge_ps[at[NEXT]]))
    for border in (at[FROM], at[TO]):
        if at[NOW] < border < stop:
            stop = int(border)
    return stop


@njit(cache=True, error_model="numpy", inline="always")
def unwritten(at: ndarray, slot: int, trace_ps: ndarray, trace_slot: ndarray) -> bool:
    """Whether the last row is not of this moment and configuration."""
    last = at[ROWS] - 1
    return bool(last < 0 or trace_ps[last] != at[NOW] or trace_slot[last] != slot)


@njit(cache=True, error_model="numpy", inline="always")
def flip(at: ndarray, diode: int, comparator: int, opens: ndarray, latching: ndarray, tripped_ps: ndarray) -> int:
    """Change what the guard asks for: the *diode* if *comparator* is negative, else what it opens; how often so far."""
    at[FLIPS] += 1
    if comparator < 0:
        at[DIODES] ^= 1 << diode
    else:
        at[LATCHED if latching[comparator] else BLOCKED] |= opens[comparator]
        if tripped_ps[comparator] < 0:
            tripped_ps[comparator] = at[NOW]
    return int(at[FLIPS])


@njit(cache=True, error_model="numpy")
def walk(
    z: ndarray, books: ndarray, at: ndarray, known: ndarray, steps: ndarray, integrals: ndarray, guards: ndarray,
    edge_ps: ndarray, edge_word: ndarray, opens: ndarray, latching: ndarray, tripped_ps: ndarray, switches: int,
    trace_ps: ndarray, trace_slot: ndarray, trace_z: ndarray, trace_books: ndarray,
) -> int:  # fmt: skip
    """Go on from where *at* says, until its end or a reason to come back (the constants above).

    *guards* (slot, diodes then comparators, n); *opens*: switches that a comparator opens, *latching*: for good.
    """
    diodes = guards.shape[1] - opens.size
    after, half = z.copy(), z.copy()
    while True:
        gated(at, edge_ps, edge_word)
        configuration = (at[WORD] & ~at[BLOCKED] & ~at[LATCHED]) | (at[DIODES] << switches)
        at[WANTED] = configuration
        slot = slot_of(configuration, known, at[COUNT])
        if slot < 0:
            return UNKNOWN
        found = alarmed(guards[slot], z, opens, configuration)
        if found >= 0:
            if flip(at, found, found - diodes, opens, latching, tripped_ps) > RESTLESS_FLIPS:
                return RESTLESS
            continue
        if at[NOW] >= at[END]:
            return DONE
        recording = at[FROM] <= at[NOW] < at[TO]
        if recording and at[ROWS] + 3 > trace_ps.size:
            return FULL
        if recording and unwritten(at, slot, trace_ps, trace_slot):
            write(at, slot, z, books, trace_ps, trace_slot, trace_z, trace_books)
        stop, level = until(at, edge_ps), at[LONGEST]
        while at[NOW] < stop:
            while (1 << level) > stop - at[NOW]:
                level -= 1
            stepped(steps[slot, level], z, after)
            if not sound(after):
                return LOST
            if alarmed(guards[slot], after, opens, configuration) >= 0:
                close_in(level, slot, z, after, half, books, at, steps, integrals, guards, opens, configuration)
                break
            booked(integrals[slot, level], z, books)
            z[:] = after
            at[NOW] += 1 << level
            at[FLIPS] = 0
            if recording and level == at[LONGEST] and at[NOW] < stop:
                if at[ROWS] + 3 > trace_ps.size:
                    return FULL
                write(at, slot, z, books, trace_ps, trace_slot, trace_z, trace_books)
        if recording:
            write(at, slot, z, books, trace_ps, trace_slot, trace_z, trace_books)


@njit(cache=True, error_model="numpy")
def close_in(
    level: int, slot: int, z: ndarray, after: ndarray, half: ndarray, books: ndarray, at: ndarray, steps: ndarray,
    integrals: ndarray, guards: ndarray, opens: ndarray, configuration: int,
) -> None:  # fmt: skip
    """Go to the first picosecond in this step of 2**level at which a guard is positive."""
    for k in range(level - 1, -1, -1):
        stepped(steps[slot, k], z, half)
        if alarmed(guards[slot], half, opens, configuration) < 0:
            booked(integrals[slot, k], z, books)
            z[:] = half
            at[NOW] += 1 << k
            at[FLIPS] = 0
    stepped(steps[slot, 0], z, after)
    booked(integrals[slot, 0], z, books)
    z[:] = after
    at[NOW] += 1


@njit(cache=True, error_model="numpy", inline="always")
def write(
    at: ndarray, slot: int, z: ndarray, books: ndarray,
    trace_ps: ndarray, trace_slot: ndarray, trace_z: ndarray, trace_books: ndarray,
) -> None:  # fmt: skip
    """Add a row to the trace."""
    row = at[ROWS]
    trace_ps[row], trace_slot[row] = at[NOW], slot
    trace_z[row, :] = z
    trace_books[row, :] = books
    at[ROWS] = row + 1
