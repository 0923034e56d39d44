"""What differs between the editions of GB/T 27930, as one table.

A session, decoder or database asks its `Edition` for layouts, limits and rules, never for the year. Sources: the printed 2011
and 2015 editions; of 2023 class A what is public, with the unknown place of the new CEM flag as a parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

from protocols.core.fields import ABSENT, flag, text, u
from protocols.core.message import Message
from protocols.gbt27930 import messages as m

M = TypeVar("M", bound=Message)

S: Final = 1_000_000
"""µs in a second."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a side waits (µs) and where that is written."""

    us: int
    clause: str


LIMITS_2015: Final[Mapping[str, Limit]] = {
    # charger
    "BHM": Limit(5 * S, "GB/T 27930-2015 annex A: no BHM 5 s after the first CHM"),
    "BRM": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3921: no BRM 5 s after the first CRM(0x00)"),
    "BCP": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3922: no BCP 5 s after the first CRM(0xAA)"),
    "BRO": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3923: no BRO for 5 s"),
    "BRO ready": Limit(60 * S, "GB/T 27930-2015 annex A, SPN 3923: no BRO(0xAA) 60 s after the first CML"),
    "BCL": Limit(1 * S, "GB/T 27930-2015 annex A, SPN 3925: no BCL for 1 s"),
    "BCS": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3924: no BCS for 5 s"),
    "BST": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3926: no BST 5 s after the first CST"),
    "BSD": Limit(10 * S, "GB/T 27930-2015 annex A, SPN 3927: no BSD 10 s after the first CST"),
    "pause": Limit(600 * S, "GB/T 27930-2015 annex A: charging forbidden by BSM for 10 min"),
    "output safe": Limit(30 * S, "GB/T 27930-2015 annex C: the BMS waits 30 s for a new CRM, and no longer"),
    # BMS
    "CHM": Limit(60 * S, "GB/T 27930-2015 annex A, SPN 3901: neither CHM nor CRM 60 s after waking up"),
    "CRM": Limit(30 * S, "GB/T 27930-2015 annex A, SPN 3901: no CRM(0x00) 30 s after CHM"),
    "CRM AA": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3902: no CRM(0xAA) 5 s after the first BRM"),
    "CML": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3903: no CML 5 s after the first BCP"),
    "CRO": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3904: no CRO for 5 s"),
    "CRO ready": Limit(60 * S, "GB/T 27930-2015 annex A, SPN 3904: no CRO(0xAA) 60 s after the first BRO(0xAA)"),
    "CCS": Limit(1 * S, "GB/T 27930-2015 annex A, SPN 3905: no CCS for 1 s"),
    "CST": Limit(5 * S, "GB/T 27930-2015 annex A, SPN 3906: no CST 5 s after the first BST"),
    "CSD": Limit(10 * S, "GB/T 27930-2015 annex A, SPN 3907: no CSD 10 s after the first BST"),
    "CRM again": Limit(30 * S, "GB/T 27930-2015 annex C: no new CRM 30 s after an error message"),
}
"""All timers of table 3.1 by the message (or state) waited for; those of the hardware are the controller's."""


@dataclass(frozen=True)
class Edition:
    """One edition: layouts and limits by name, and the few rules that differ."""

    name: str
    title: str
    messages: Mapping[str, type[Message]]
    limits: Mapping[str, Limit]
    version: int
    """The protocol version that CHM and BRM carry."""
    has_handshake: bool = True
    """CHM/BHM exist; without them the session starts with CRM(0x00)."""
    waits_for_ready: bool = True
    """BRO(0x00) means "wait"; in 2011 it means "cannot charge"."""
    reports_self_check: bool = False
    """A failed self-check or pre-charge ends with a CST of its own flag, from whatever phase (2023)."""
    checks_present_voltage: bool = False
    """A present voltage in BCP below the charger's range is a parameter mismatch (2023), not left to the pre-charge check."""
    stops_below_minimum: bool = False
    """A demand below the charger's minimum stops charging (2023); before, the charger goes on at its minimum."""

    def layout(self, message: type[M]) -> type[M]:
        """*message* as this edition has it."""
        return self.messages[message.title]  # type: ignore[return-value]  # a variant is a subclass

    @cached_property
    def by_pgn(self) -> dict[int, type[Message]]:
        """Layouts by parameter group number."""
        return {layout.pgn: layout for layout in self.messages.values() if layout.pgn is not None}


def _table(*changed: type[Message], without: frozenset[str] = frozenset()) -> dict[str, type[Message]]:
    declared = {layout.title: layout for layout in m.FROM_CHARGER + m.FROM_BMS + m.FROM_BOTH if layout.title not in without}
    return declared | {layout.title: layout for layout in changed}


def edition_2023a(*, bsm_flag_at: str = "3.7") -> Edition:
    """GB/T 27930-2023 class A as far as it is public. *bsm_flag_at*: the CEM bit of the new BSM timeout (not public)."""
    cem = m.CEM.variant(fields={"bsm": flag(at=bsm_flag_at, choices=m.TIMEOUT)})
    changed = {
        "BHM": Limit(10 * S, "GB/T 27930-2023 class A: no BHM 10 s after the first CHM"),
        "BSM": Limit(5 * S, "GB/T 27930-2023 class A: no BSM for 5 s after the first one"),
    }
    return Edition(
        "2023A",
        "GB/T 27930-2023 class A",
        _table(cem),
        {**LIMITS_2015, **changed},
        0x000102,
        reports_self_check=True,
        checks_present_voltage=True,
        stops_below_minimum=True,
    )


_2015 = Edition(
    "2015",
    "GB/T 27930-2015",
    _table(
        m.BST.variant(fields={"parameter_mismatch": ABSENT}),
        m.CST.variant(fields=dict.fromkeys(("self_check", "precharge", "parameter_mismatch"), ABSENT)),
        m.CEM.variant(fields={"bsm": ABSENT}),
    ),
    LIMITS_2015,
    0x000101,
)

_2011 = Edition(
    "2011",
    "GB/T 27930-2011",
    _table(
        m.CRM.variant(length=8, fields={"number": u(8, spn=2561, low=1, high=100, default=1), "area": text(6, spn=2562)}),
        m.BRM.variant(length=41, priority=6),
        m.BCP.variant(priority=6),
        m.CML.variant(length=6),
        m.BCS.variant(priority=6, fields={"cell_group": u(4, offset=1, low=1, high=16, spn=3077)}),
        m.CCS.variant(length=6),
        m.BMV.variant(priority=6, period_us=1 * S),
        m.BMT.variant(priority=6, period_us=1 * S),
        m.BSP.variant(priority=6, period_us=1 * S),
        m.BST.variant(
            fields=dict.fromkeys(("charger_initiated", "hv_relay", "detection_point_2", "parameter_mismatch"), ABSENT)
            | {"other": flag(spn=3512, at="3.3")}
        ),
        m.CST.variant(fields=dict.fromkeys(("bms_initiated", "self_check", "precharge", "parameter_mismatch"), ABSENT)),
        m.CSD.variant(length=5, fields={"number": u(8, spn=3613, low=1, high=100, default=1)}),
        m.CEM.variant(fields={"bsm": ABSENT}),
        without=frozenset({"CHM", "BHM"}),
    ),
    {
        **LIMITS_2015,
        "BCL": Limit(100_000, "GB/T 27930-2011, SPN 3925: no BCL for 100 ms"),
        "CCS": Limit(100_000, "GB/T 27930-2011, SPN 3905: no CCS for 100 ms"),
    },
    0x000100,
    has_handshake=False,
    waits_for_ready=False,
)

EDITIONS: Final[Mapping[str, Edition]] = {"2011": _2011, "2015": _2015, "2023A": edition_2023a()}
"""The editions by the name used on the command line and in scenarios, oldest first."""


def edition_of(brm: m.BRM, *, own: Edition, spoken: Edition) -> Edition:
    """The edition to speak from now on with the vehicle that sent *brm*, the charger having *spoken* so far.

    That is the charger's *own* one, unless it has fallen back because its CHM was not answered: then the vehicle is of 2011, or
    one that sends a BRM of V1.1 without a handshake, as one recording shows.
    """
    if brm.version == SUPERCHARGE_VERSION:
        return supercharge(own)
    return spoken if brm.version <= EDITIONS["2011"].version else own


SUPERCHARGE_VERSION: Final = 0x534331
"""BRM version bytes "1CS" of one maker: all currents with an offset of -3000 A (single source)."""


def supercharge(edition: Edition) -> Edition:
    """*edition* with every current offset by -3000 A instead of -400 A: one maker's extension for more than 400 A."""
    wide = {}
    for name, layout in edition.messages.items():
        currents = {f.name: replace(f, offset=3000, high=3000) for f in layout.available() if f.offset == 400}
        if currents:
            wide[name] = layout.variant(fields=currents)
    return replace(edition, name=f"{edition.name}+3000A", messages={**edition.messages, **wide})
