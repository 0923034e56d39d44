"""Rules that need the physical truth: contacts, volts, amperes and the lock against what was said."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from hil.referee.case import Case
from hil.referee.ruling import Seen, broken, held, judged
from hil.referee.truth import K1K2, K3K4, Condition, Contact, Course, Truth
from hil.referee.wire_rules import Judge
from hil.story.story import CHARGER

OPEN_A, SAFE_V, UNLOCK_A, FLOWS_A = 5.0, 60.0, 1.0, 2.0
FAULT_US, SWITCH_US, MAINS_US, ERROR_US, BLEED_US = 100_000, 50_000, 1_000_000, 10_000_000, 1_000_000
STEP_US: Final = 2_000
"""The plant is recorded every millisecond while something moves."""
BOUNCE_US: Final = 20_000
"""A contact that was closed so shortly before only bounces."""
CC1_V: Final = (3.2, 4.8)


def _truth(case: Case) -> Truth:
    assert case.truth is not None
    return case.truth


def _contacts(case: Case) -> Course:
    """1 while both K1 and K2 are closed."""
    return _truth(case)["contacts"].bits(K1K2, every=True)


def _inside(case: Case, moments: Iterator[int]) -> list[int]:
    return [at for at in moments if case.begin_us <= at < case.end_us]


def insulation_tested(case: Case) -> Iterator[Seen]:
    """Before CRM(0x00) the output stood at the test voltage with K1/K2 closed and K5/K6 open."""
    asked, bhm = case.firsts("CRM 00"), case.session.track("BHM").message(-1)
    if asked is None or case.attempts[0].first("CHM") is None:
        return
    wanted_v = 0.9 * min(getattr(bhm, "voltage_max_v", 200.0), _rated_v(case))
    volts, fed = _truth(case)["output voltage"], _truth(case)["K5/K6"]
    closed = _contacts(case)
    tested = [
        at for at in closed.rises() if at < asked and not fed.at(at) and volts.peak(at, min(asked, at + 2_000_000)) >= wanted_v
    ]
    yield judged(bool(tested), asked, f"CRM(0x00): {len(tested)} insulation tests at {wanted_v:.0f} V or more before it")


def _rated_v(case: Case) -> float:
    cml: Any = case.session.track("CML").message(-1)
    return float(cml.voltage_max_v) if cml is not None else 1e9


def _ready(case: Case) -> Iterator[tuple[int, Any]]:
    """When each attempt first sent CRO(0xAA), with the BCP before it."""
    for attempt in case.attempts:
        first = attempt.first("CRO AA")
        if first is not None:
            yield attempt.time_us(first), attempt.track("BCP").message(-1)


def matched(case: Case) -> Iterator[Seen]:
    """At CRO(0xAA) the voltage at the vehicle is within 5 % of BCP."""
    for at, bcp in _ready(case):
        if bcp is not None:
            volts = _truth(case)["output voltage"].at(at)
            good = abs(volts - bcp.voltage_v) <= 0.055 * bcp.voltage_v  # half a per cent for the pile's own sensor
            yield judged(good, at, f"CRO(0xAA) at {volts:.1f} V, BCP says {bcp.voltage_v:g} V")


def closed_when_ready(case: Case) -> Iterator[Seen]:
    """At CRO(0xAA) K1 and K2 are closed."""
    for at, _ in _ready(case):
        yield judged(bool(_contacts(case).at(at)), at, f"CRO(0xAA) with K1/K2 {'closed' if _contacts(case).at(at) else 'open'}")


def closes_matched(case: Case) -> Iterator[Seen]:
    """K1/K2 close without voltage outside and K5/K6 open, or 1..10 V below the battery."""
    volts, stage, fed = (_truth(case)[name] for name in ("output voltage", "stage voltage", "K5/K6"))
    closed = _truth(case)["contacts"].bits(K1K2)
    for at in _inside(case, closed.rises()):
        before = at - STEP_US
        if closed.peak(at - BOUNCE_US, at - 1) > 0:
            continue  # contacts bounce when they close: only the first touch counts
        outside, inside = volts.at(before), stage.at(before)
        if fed.at(at):
            slack = 0.01 * outside  # two sensors of 0.4 % each
            good = 1 - slack <= outside - inside <= 10 + slack
            yield judged(good, at, f"K1/K2 close with the output {outside - inside:.1f} V below the battery")
        else:
            yield judged(outside < 10, at, f"K1/K2 close with {outside:.1f} V outside, K5/K6 open")


def _flowing(case: Case, least_a: float = FLOWS_A) -> tuple[Any, Any]:
    """Times and values of the current into the battery above *least_a*."""
    current, fed = _truth(case)["output current"], _truth(case)["K5/K6"]
    times, values = current.between(max(case.begin_us, 0), case.end_us)
    connected = fed.values[np.maximum(np.searchsorted(fed.times_us, times, side="right") - 1, 0)] > 0
    return times[connected & (values > least_a)], values[connected & (values > least_a)]


def young(name: str, limit_us: int) -> Judge:
    """Current flows only while *name* is younger than its limit."""

    def judge(case: Case) -> Iterator[Seen]:
        times, values = _flowing(case, OPEN_A)
        said = case.session.track(name).times_us
        if not len(times):
            return
        index = np.searchsorted(said, times, side="right") - 1
        stopping = np.isin(index, [-1])
        age = np.where(stopping, 1 << 40, times - said[np.maximum(index, 0)]) if len(said) else np.full(len(times), 1 << 40)
        old = np.flatnonzero((age > limit_us + 150_000) & ~_ending(case, times))
        if len(old):
            yield broken(int(times[old[0]]), f"{values[old[0]]:.1f} A while the last {name} is {age[old[0]] / 1e6:.2f} s old")
        else:
            yield held(int(times[0]), f"{name} never older than {age[~_ending(case, times)].max(initial=0) / 1e6:.2f} s")

    return judge


def _ending(case: Case, times: Any) -> Any:
    """Which *times* lie after a stop: the vehicle falls silent while the current still falls."""
    stop = case.firsts("BST", "CST", "BEM", "CEM")
    return times > stop if stop is not None else np.zeros(len(times), dtype=bool)


def only_charging(case: Case) -> Iterator[Seen]:
    """No current before the first CCS."""
    times, values = _flowing(case, OPEN_A)
    if len(times):
        first = case.firsts("CCS")
        good = first is not None and int(times[0]) > first - 50_000
        yield judged(good, int(times[0]), f"{values[0]:.1f} A flow from here on, the first CCS is {'there' if good else 'not'}")


def connected(case: Case) -> Iterator[Seen]:
    """Current only with CC1 in 3.2..4.8 V and the plug locked; 50 ms to react."""
    cc1, locked = _truth(case)["detection point 1"], _truth(case)["contacts"].bits(int(Contact.LOCK))
    times, values = _flowing(case, OPEN_A)
    for at, amps in zip(times.tolist(), values.tolist(), strict=True):
        shown = [cc1.at(at), cc1.at(at - SWITCH_US)]
        if not any(CC1_V[0] <= v <= CC1_V[1] for v in shown) or not (locked.at(at) or locked.at(at - SWITCH_US)):
            yield broken(at, f"{amps:.1f} A with CC1 at {shown[0]:.1f} V, {'locked' if locked.at(at) else 'NOT LOCKED'}")
            return
    if len(times):
        yield held(int(times[0]), f"CC1 {cc1.at(int(times[0])):.1f} V and locked while current flows")


def _greatest(case: Case, name: str, field: str, times: Any, held_us: int) -> Any:
    """The greatest value of *field* in the *held_us* before each of *times*; infinite before the first."""
    track = case.session.track(name)
    values, said = track.column(field), track.times_us
    low = np.maximum(np.searchsorted(said, times - held_us, side="right") - 1, 0)
    high = np.searchsorted(said, times, side="right")
    return np.array([values[a:b].max() if b > a else np.inf for a, b in zip(low.tolist(), high.tolist(), strict=True)])


def demand_kept(signal: str, field: str, share: float, least: float, unit: str) -> Judge:
    """Output within the demand of the last three seconds and within CML, for longer than 200 ms."""

    def judge(case: Case) -> Iterator[Seen]:
        times, _ = _flowing(case, OPEN_A)
        cml: Any = case.session.track("CML").message(-1)
        if not len(times) or not len(case.session.track("BCL")) or cml is None:
            return
        course = _truth(case)[signal]
        values = np.array([course.at(at) for at in times.tolist()])
        limit = np.minimum(_greatest(case, "BCL", field, times, 3_000_000), getattr(cml, field.replace("_", "_max_", 1)))
        over = values > limit * (1 + share) + least
        later = np.searchsorted(times, times + 200_000)
        for index in np.flatnonzero(over).tolist():
            stretch = over[index : max(later[index], index + 1)]
            ends = times[min(later[index], len(times) - 1)]
            if stretch.all() and ends - times[index] >= 150_000:
                yield broken(int(times[index]), f"{values[index]:.1f} {unit} where {limit[index]:.1f} {unit} were asked for")
                return
        yield held(int(times[0]), f"at most {np.max(values):.1f} {unit}")

    return judge


def told_truly(case: Case) -> Iterator[Seen]:
    """What CCS says of the output is what it was within the last 400 ms, by 1 % and 2 V or 2 A."""
    track, cut = case.session.track("CCS"), max(1, len(case.session.track("CCS")) // 400)
    for field, signal, unit in (("voltage_v", "output voltage", "V"), ("current_a", "output current", "A")):
        course, said = _truth(case)[signal], track.column(field)
        for index in range(0, len(track), cut):
            at, value = int(track.times_us[index]), float(said[index])
            seen = course.between(at - 400_000, at)[1]
            slack = 2 + 0.01 * abs(value)
            if not seen.min() - slack <= value <= seen.max() + slack:
                yield broken(at, f"CCS says {value:g} {unit}, it was {seen.min():.1f}..{seen.max():.1f} {unit}")
                return
    if len(track):
        yield held(int(track.times_us[0]), f"{len(track)} CCS agree with volts and amperes")


def ramp(case: Case) -> Iterator[Seen]:
    """From the first BST or CST the current falls by 100 A/s or more to 5 A."""
    stop, current = case.firsts("BST", "CST"), _truth(case)["output current"]
    if stop is None or current.at(stop) <= OPEN_A:
        return
    down = current.falls_to(OPEN_A, stop)
    taken, allowed = ((down or case.end_us) - stop) / 1e6, (current.at(stop) - OPEN_A) / 100 + 0.3
    yield judged(
        down is not None and taken <= allowed, stop, f"{current.at(stop):.1f} A fall to 5 A in {taken:.2f} s of {allowed:.2f}"
    )


def _faulty(case: Case, at: int) -> bool:
    """Whether a fault, which may open contacts under current, came before *at*."""
    cst: Any = case.session.track("CST").message(0)
    first = case.firsts("BEM", "CEM")
    told = cst is not None and bool(cst.fault)
    return told or (first is not None and first <= at + 200_000) or any(e <= at for e, _ in _events(case))


def opens_unloaded(case: Case) -> Iterator[Seen]:
    """Without a fault K1/K2 open at no more than 5 A."""
    current = _truth(case)["output current"]
    for at in _inside(case, _contacts(case).falls()):
        amps = current.at(at - STEP_US)
        if not _faulty(case, at):
            yield judged(amps <= OPEN_A + 0.5, at, f"K1/K2 open at {amps:.1f} A")


def opens(case: Case) -> Iterator[Seen]:
    """After a stop or error message K1/K2 open: within 10 s."""
    stop = case.firsts("BST", "CST", "BEM", "CEM")
    if stop is None or case.end_us < stop + ERROR_US // 2:
        return
    down = _contacts(case).falls_to(0.0, stop)
    taken = ((down or case.end_us) - stop) / 1e6
    yield judged(
        down is not None and taken <= ERROR_US / 1e6, stop, f"K1/K2 open {taken:.2f} s after the first stop or error message"
    )


def bled(case: Case) -> Iterator[Seen]:
    """One second after K1/K2 opened the output is below 60 V."""
    stage, closed = _truth(case)["stage voltage"], _contacts(case)
    for at in _inside(case, closed.falls()):
        again = next((r for r in closed.rises() if r > at), case.end_us)
        if again - at > BLEED_US + 200_000:
            volts = stage.least(at, at + BLEED_US + 100_000)
            yield judged(volts < SAFE_V, at, f"output at {volts:.0f} V 1.1 s after K1/K2 opened")


def unlocks_safe(case: Case) -> Iterator[Seen]:
    """The plug is unlocked below 60 V and without current only."""
    volts, current = _truth(case)["output voltage"], _truth(case)["output current"]
    for at in _inside(case, _truth(case)["contacts"].bits(int(Contact.LOCK)).falls()):
        commanded = at - 320_000  # the bolt begins to move about 0.3 s before it is out
        u, i = volts.at(commanded), abs(current.at(commanded))
        yield judged(u < SAFE_V and i < UNLOCK_A, at, f"unlocked at {u:.0f} V, {i:.1f} A")


def locked_output(case: Case) -> Iterator[Seen]:
    """Above 60 V at the output only with the plug locked."""
    stage, locked = _truth(case)["stage voltage"], _truth(case)["contacts"].bits(int(Contact.LOCK))
    times, values = stage.between(max(case.begin_us, 0), case.end_us)
    for at, volts in zip(times[values >= SAFE_V].tolist(), values[values >= SAFE_V].tolist(), strict=True):
        if not locked.at(at):
            yield broken(at, f"{volts:.0f} V at the output, not locked")
            return
    if (values >= SAFE_V).any():
        yield held(int(times[values >= SAFE_V][0]), "locked whenever the output is above 60 V")


def feeds_vehicle(case: Case) -> Iterator[Seen]:
    """K3/K4 open after CSD and BSD only, unless the statistics timer ran out, the session failed, or a fault cuts the supply."""
    stop = case.firsts("CST")
    for at in _inside(case, _truth(case)["contacts"].bits(K3K4).falls()):
        csd, bsd, error = case.firsts("CSD"), case.firsts("BSD"), case.firsts("BEM", "CEM")
        told = csd is not None and bsd is not None and max(csd, bsd) <= at
        excused = stop is None or stop > at or at - stop >= 9_500_000 or (error is not None and error <= at) or _cut(case, at)
        if told or not excused:
            yield judged(told, at, f"K3/K4 open, statistics {'exchanged' if told else 'NOT exchanged'}")


def _cut(case: Case, at: int) -> bool:
    return any(event <= at for event, _ in _events(case))


def _events(case: Case) -> Iterator[tuple[int, str]]:
    """What happened to the pile: when, and what."""
    if case.truth is None or not case.truth.has("conditions", "detection point 1"):
        return
    conditions, cc1 = case.truth["conditions"], case.truth["detection point 1"]
    yield from ((at, "emergency stop") for at in conditions.bits(int(Condition.EMERGENCY)).rises())
    yield from ((at, "mains lost") for at in conditions.bits(int(Condition.MAINS)).falls())
    yield from ((at, "earth lost") for at in conditions.bits(int(Condition.EARTH)).falls())
    good = (cc1.values >= CC1_V[0]) & (cc1.values <= CC1_V[1])
    yield from ((int(t), "CC1 interrupted") for t in cc1.times_us[1:][good[:-1] & ~good[1:]])


def reacts(event: str, limit_us: int) -> Judge:
    """K1/K2 are open *limit_us* after *event*."""

    def judge(case: Case) -> Iterator[Seen]:
        closed = _contacts(case)
        for at in (at for at, what in _events(case) if what == event and case.begin_us <= at < case.end_us and closed.at(at)):
            down = closed.falls_to(0.0, at)
            taken = ((down or case.end_us) - at) / 1000
            yield judged(down is not None and taken * 1000 <= limit_us, at, f"{event}: K1/K2 open after {taken:.0f} ms")

    return judge


def emergency_told(case: Case) -> Iterator[Seen]:
    """CST within 100 ms of the emergency stop, and it says so."""
    for at in (at for at, what in _events(case) if what == "emergency stop" and case.begin_us <= at < case.end_us):
        if case.firsts("CCS") is None or case.firsts("CCS") > at:  # type: ignore[operator]
            continue
        said, cst = case.firsts("CST", since_us=at), case.session.track("CST").message(0)
        good = said is not None and said - at <= FAULT_US and bool(getattr(cst, "emergency_stop", 0) and getattr(cst, "fault", 0))
        yield judged(good, at, f"CST {'none' if said is None else f'after {(said - at) / 1000:.0f} ms'}: {cst}")


def reconnections(case: Case) -> Iterator[Seen]:
    """At most three new identifications in one plug-in."""
    count = len(case.attempts) - 1
    yield judged(count <= 3, case.attempts[-1].time_us(case.attempts[-1].begin), f"{count} reconnections")


def ready_young(case: Case) -> Iterator[Seen]:
    """At CRO(0xAA) the last BRO(0xAA) is younger than 5 s."""
    said = case.session.track("BRO AA").times_us
    for at, _ in _ready(case):
        index = int(np.searchsorted(said, at)) - 1
        age = at - int(said[index]) if index >= 0 else 1 << 40
        yield judged(age < 5_000_000 + 350_000, at, f"CRO(0xAA) {age / 1e6:.2f} s after the last BRO(0xAA)")


_HW, _GBT, _IT = "GB/T 18487.1-2015 ", "GB/T 27930-2015 ", "GB/T 34657.1-2017 "
_V, _A, _K, _C, _FED = "output voltage", "output current", "contacts", "conditions", "K5/K6"
_ROWS: Final[tuple[tuple[str, str, str, Judge, tuple[str, ...]], ...]] = (
    ("8.4 insulation", "insulation test before identification", _HW + "B.3.3", insulation_tested, (_V, _K, _FED)),
    ("8.4 match", "CRO(0xAA) with the voltage within 5 % of BCP", _HW + "B.3.4", matched, (_V,)),
    ("8.4 contacts", "CRO(0xAA) with K1/K2 closed", _HW + "B.3.4", closed_when_ready, (_K,)),
    ("8.4 BRO", "CRO(0xAA) with BRO(0xAA) younger than 5 s", _GBT + "annex A", ready_young, ()),
    (
        "8.5 closing",
        "K1/K2 close matched, or dead outside",
        _HW + "B.3.3, B.3.4",
        closes_matched,
        (_V, "stage voltage", _K, _FED),
    ),
    ("8.6 BCL", "current only with BCL younger than 1 s", _GBT + "SPN 3925", young("BCL", 1_000_000), (_A, _FED)),
    ("8.6 BCS", "current only with BCS younger than 5 s", _GBT + "SPN 3924", young("BCS", 5_000_000), (_A, _FED)),
    ("8.6 connected", "current only with CC1 good and locked", _HW + "B.3.7; " + _IT + "D0.4502", connected, (_A, _K, _FED)),
    ("8.6 phase", "current only in the charging phase", _GBT + "charging", only_charging, (_A, _FED)),
    ("8.7 current", "current within BCL and CML", _IT + "D0.41", demand_kept(_A, "current_a", 0.01, 1.0, "A"), (_A, _FED)),
    ("8.7 voltage", "voltage within BCL", _IT + "D0.41", demand_kept(_V, "voltage_v", 0.01, 1.0, "V"), (_V, _A, _FED)),
    ("2.2 CCS true", "CCS says what is", _GBT + "CCS SPN 3081, 3082", told_truly, (_V, _A)),
    ("8.9 reconnections", "at most three", _GBT + "annex C note 2", reconnections, ()),
    ("8.10 unlock", "unlocked below 60 V and without current", _HW + "9.6", unlocks_safe, (_V, _A, _K)),
    ("8.11 K3/K4", "12 V until the statistics are exchanged", _HW + "B.3.6", feeds_vehicle, (_K, _C)),
    ("4.2 locked", "locked before any output", _HW + "B.3.2", locked_output, ("stage voltage", _K)),
    ("4.6 ramp", "stop with 100 A/s or more", _IT + "D0.5101", ramp, (_A,)),
    ("4.6 open at 5 A", "K1/K2 open at 5 A or less in a normal stop", _HW + "B.3.6", opens_unloaded, (_A, _K, _C)),
    ("4.6 opens", "K1/K2 open after a stop or error", _HW + "B.3.6, B.3.7", opens, (_K,)),
    ("4.6 bleed", "below 60 V 1 s after K1/K2 opened", _HW + "B.3.3, B.3.6", bled, ("stage voltage", _K)),
    ("4.6 emergency", "K1/K2 open within 100 ms", _HW + "B.3.7", reacts("emergency stop", FAULT_US), (_K, _C)),
    ("4.6 emergency told", "CST 10 00 F1 F0 within 100 ms", _HW + "B.3.7; CST SPN 3522", emergency_told, (_C,)),
    ("4.6 CC1", "K1/K2 open within 100 ms", _HW + "B.3.7", reacts("CC1 interrupted", FAULT_US), (_K, _C)),
    ("4.6 earth", "K1/K2 open within 100 ms", _HW + "B.3.7", reacts("earth lost", FAULT_US), (_K, _C)),
    ("4.6 mains", "K1/K2 open within 1 s", _IT + "D0.4506", reacts("mains lost", MAINS_US), (_K, _C)),
)
TRUTH: Final = tuple((name, CHARGER, what, clause, judge, needs) for name, what, clause, judge, needs in _ROWS)
"""Name, whose duty, what is asked, clause, judge, the signals needed."""
