"""One user for an adapter, whoever the users are."""

import os
import stat

import pytest

from hil.errors import BadInput
from hil.links.link import AdapterChoice
from hil.live.exclusive import exclusive, lock_path, open_to_listen
from hil.live.slcan_emulator import Segment


@pytest.fixture
def choice():
    segment = Segment(1)
    options = (("sleep_after_open", "0"),)
    yield AdapterChoice(interface="slcan", channel=segment.channels[0], bitrate=250_000, options=options)
    segment.close()


def test_a_serial_port_has_one_user_listeners_too(choice):
    with exclusive(choice, "pile"), pytest.raises(BadInput, match=f"process {os.getpid()}\\) uses it"):
        open_to_listen(choice)
    listener = open_to_listen(choice)
    with pytest.raises(BadInput, match="uses it"), exclusive(choice, "vehicle"):
        pass
    listener.close()
    with exclusive(choice, "vehicle"):
        pass


def test_a_lock_that_may_only_be_read_is_a_lock(choice, monkeypatch):
    """As another user's is, for whom the system refuses to open it for writing."""
    path = lock_path("slcan", choice.channel)
    path.touch()
    real = os.open

    def guarded(name, flags, *more, **options):
        if os.fspath(name) == os.fspath(path) and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return real(name, flags, *more, **options)

    monkeypatch.setattr(os, "open", guarded)
    with exclusive(choice, "pile"), pytest.raises(BadInput, match="another pilebench"), exclusive(choice, "pile"):
        pass
    assert stat.S_ISREG(path.stat().st_mode)
