"""Whether a real wire can be behind an adapter. Where none can, limits and patience may be wider; so a name alone proves nothing.

Known to be emulated are python-can's `virtual` bus, network interfaces that the kernel itself calls vcan (a gateway, `cangw`,
from one to a real interface is not seen), and the serial ports of our own emulator while it runs. For all others somebody has to
say so (`--emulated`).
"""

import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from hil.live.exclusive import FOLDER

try:
    import fcntl
except ImportError:  # Windows has neither pseudo terminals nor vcan
    fcntl = None  # type: ignore[assignment]

HEADER, INTERFACE, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBHiII"), struct.Struct("=HH")
NEWLINK, GETLINK, REQUEST, LINKINFO, INFO_KIND = 16, 18, 1, 18, 1
"""Numbers of rtnetlink (linux/rtnetlink.h, linux/if_link.h)."""
ANSWER_S: Final = 1.0


def emulated(interface: str, channel: str) -> bool:
    """Whether no real wire can be behind this adapter, as far as the machine can tell."""
    if interface == "virtual":
        return True
    if interface == "socketcan":
        return kind_of(channel) == "vcan"
    return _marked(channel)


def mark(channel: str) -> IO[bytes]:
    """Note that *channel* is an emulator's, as long as the file returned is open in this process."""
    file = _marker(channel).open("ab")
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _marked(channel: str) -> bool:
    """Whether an emulator that lives has marked *channel*: what a dead one left behind is not locked any more."""
    if fcntl is None:
        return False
    try:
        with _marker(channel).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _marker(channel: str) -> Path:
    real = str(Path(channel).resolve())
    return FOLDER / f"pilebench-emulator{real.replace('/', '-')}.lock"


def kind_of(name: str) -> str:
    """What the kernel calls network interface *name*: "vcan", "can" ...; empty if it does not say, or there is no such one."""
    if sys.platform != "linux":
        return ""
    with suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as line:
        line.settimeout(ANSWER_S)
        asked = INTERFACE.pack(0, 0, 0, socket.if_nametoindex(name), 0, 0)
        line.send(HEADER.pack(HEADER.size + len(asked), GETLINK, REQUEST, 1, 0) + asked)
        return kind_in(line.recv(1 << 16))
    return ""


def kind_in(answer: bytes) -> str:
    """The kind of interface in *answer*, a netlink message; empty if there is none."""
    if len(answer) < HEADER.size or HEADER.unpack_from(answer)[1] != NEWLINK:
        return ""
    info = _attributes(answer[HEADER.size + INTERFACE.size :]).get(LINKINFO, b"")
    return _attributes(info).get(INFO_KIND, b"").rstrip(b"\0").decode()


def _attributes(data: bytes) -> dict[int, bytes]:
    """Netlink attributes by type: each has its length and type before it and is padded to four bytes."""
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if length < ATTRIBUTE.size:
            break
        found[kind] = data[ATTRIBUTE.size : length]
        data = data[length + 3 & ~3 :]
    return found
