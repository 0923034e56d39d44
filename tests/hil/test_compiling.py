import io

from numba import njit
from rich.console import Console

from hil.compiling import NOTICE, announced


def test_compilation_is_announced_once_and_a_compiled_kernel_not_at_all():
    said = io.StringIO()
    first, second = njit(lambda x: x + 1), njit(lambda x: x + 2)

    with announced(Console(file=said, width=200)):
        assert (first(1), second(1)) == (2, 3)
    with announced(Console(file=said, width=200)):
        assert first(2) == 3

    assert said.getvalue() == NOTICE + "\n"
