"""Text of the CANDue logger: ``Rcvd msgID: 0x404; 06; 68; FF  00:10:29.555`` among lines for people."""

import re
from collections.abc import Sequence

from hil.links.recording import Gathered, Told
from hil.links.stamps import clock_us, unwrapped

_LINE = re.compile(r"Rcvd msgID:\s*0x([0-9A-Fa-f]+)((?:;\s*[0-9A-Fa-f]{1,2})*)\s+(\d+:\d+:\d+\.\d{3,6})\s*$")
_MARK = "Rcvd msgID:"
DAY_US = 86_400_000_000


def claims(lines: Sequence[str]) -> bool:
    """Whether any of *lines* is one of a received frame."""
    return any(line.startswith(_MARK) for line in lines)


def gather(text: str, told: Told) -> Gathered:
    """All frames of *text*; what is written between them is left out."""
    found = Gathered()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith(_MARK):
            continue
        match = _LINE.match(line)
        if match is None:
            found.unread.append(number)
            continue
        name, data, stamp = match.groups()
        payload = bytes(int(byte, 16) for byte in data.split(";")[1:])
        can_id = int(name, 16)
        found.add(clock_us(stamp), can_id, payload, can_id > 0x7FF)
    found.times_us = unwrapped(found.times_us, DAY_US)
    told(1.0)
    return found
