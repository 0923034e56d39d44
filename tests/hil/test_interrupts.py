"""Ctrl-C is not lost where an exception would be."""

import contextlib
import signal

import pytest

from hil.interrupts import check, noticed


def test_an_interrupt_that_was_swallowed_comes_out_at_the_next_check():
    with noticed():
        check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            check()


def test_the_handler_before_comes_back_and_nothing_is_remembered():
    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(KeyboardInterrupt), noticed():
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is before
    with noticed():
        check()
