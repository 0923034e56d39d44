"""What the checks of benchmarks/afe.py share: a row, chains to try, and a master that has woken them."""

from collections.abc import Callable
from typing import NamedTuple

from firmware_model.afe.chain import Chain
from firmware_model.afe.device import Device
from firmware_model.afe.driver import Driver, Findings, performed
from firmware_model.afe.inputs import Divider
from firmware_model.afe.part import LTC6813, Part
from firmware_model.afe.wiring import Filter, Wiring


class Row(NamedTuple):
    """One check."""

    what: str
    measured: str
    reference: str
    held: bool


def chain(part: Part = LTC6813, count: int = 3, board: Filter | None = None) -> Chain:
    """Chips over cells of different voltages, each chip with four thermistors."""
    cells_v = [3.30 + 0.01 * cell for cell in range(part.cells)]
    return Chain(
        [
            Device(
                part,
                always(cells_v),
                seed=index,
                wiring=Wiring(part.cells, board),
                pins=[Divider(temp_degc=20.0 + index) for _ in range(4)],
            )
            for index in range(count)
        ]
    )


def awake(tested: Chain, mode: tuple[int, int] = (2, 0), *, repeats: int = 2) -> tuple[Driver, int]:
    """A master of *tested*, and when its chips are awake."""
    driver = Driver(tested, tested.devices[0].part, len(tested.devices), mode=mode, repeats=repeats)
    return driver, performed(driver.wake(), 0)[1]


def examined(tested: Chain, *, repeats: int = 2) -> tuple[Findings, list[list[float] | None]]:
    """What the master finds out about *tested*, and the voltages of the GPIO pins."""
    driver, now = awake(tested, repeats=repeats)
    found, now = performed(driver.examine(), now)
    return found, performed(driver.inputs_v(), now)[0]


def always(cells_v: list[float]) -> Callable[[int], list[float]]:
    """The voltages as the list has them then."""
    return lambda _: cells_v


def rising(start: int, lasts_us: int) -> Callable[[int], list[float]]:
    """Twelve cells that rise by 1 V in *lasts_us*."""
    return lambda at: [3.0 + (at - start) / lasts_us] * 12


def codes(block: bytes | None) -> list[int]:
    """The three codes of a register group."""
    return [] if block is None else [int.from_bytes(block[at : at + 2], "little") for at in (0, 2, 4)]
