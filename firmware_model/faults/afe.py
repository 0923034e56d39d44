"""Faults of the chips that measure the battery, of their wires and of the line between them, in a vehicle that has such chips."""

from collections.abc import Callable, Iterator
from functools import partial

from firmware_model.afe.chain import Chain
from firmware_model.afe.device import Device
from firmware_model.afe.errors import Disturbance
from firmware_model.afe.inputs import Divider
from firmware_model.afe.sensing import ChainSensing
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig

Undo = Callable[[], object]
Break = Callable[[Injecting], Undo]


def afe_places(rig: Rig) -> Iterator[Place]:
    """The chain as a whole, each chip, each temperature sensor."""
    sensing = rig.vehicle.sensing
    if sensing is None:
        return
    chain, count = sensing.chain, len(sensing.chain.devices)
    chips = {"chips": Arg(count // 2, 0, count - 1)}
    noise = {"amplitude_v": Arg(0.05, 0.0, 10.0), "frequency_hz": Arg(10e3, 1.0, 1e9)}
    kinds = (
        Kind("breaks", "ends after *chips* chips", _inject(lambda given: _end_after(chain, int(given["chips"]))), chips),
        Kind("noisy", "has an alternating voltage on all cells", _inject(lambda given: _disturb(chain, given)), noise),
    )
    yield Place("afe/chain", "the line between the chips that measure the battery", kinds)
    for number, device in enumerate(chain.devices, 1):
        yield Place(
            f"afe/chip{number}",
            f"chip {number} of those that measure the battery",
            tuple(_chip_kinds(sensing, number - 1, device)),
        )
    points = [divider for mine in sensing.sensors for divider in mine]
    for number, divider in enumerate(points, 1):
        broken = (
            Kind("open", "has lost a wire", _inject(partial(_broken, divider, "open"))),
            Kind("short", "is shorted", _inject(partial(_broken, divider, "shorted"))),
        )
        yield Place(f"afe/sensor{number}", f"temperature sensor {number} of the battery", broken)


def _chip_kinds(sensing: ChainSensing, chip: int, device: Device) -> Iterator[Kind]:
    flaws, chain = device.converters.flaws, sensing.chain
    wires = {"pin": Arg(5, 0, device.part.cells)}
    stuck = {"converter": Arg(0, 0, device.part.converters - 1), "code": Arg(35_000, 0, 0xFFFF)}
    yield Kind("garbled", "answers with a wrong PEC", _inject(lambda _: _member(chain.garbled, chip)))
    yield Kind(
        "open wire", "has lost the wire of *pin* C0, C1 ...", _inject(lambda given: _cut(device, int(given["pin"]))), wires
    )
    yield Kind("stuck", "gives *code* for all cells of *converter*", _inject(lambda given: _stick(device, given)), stuck)
    shift = {"share": Arg(0.01, -0.2, 0.2)}
    yield Kind(
        "reference shifted",
        "has a reference that is off by *share*",
        _inject(lambda given: _set(flaws, "reference", given["share"])),
        shift,
    )
    yield Kind("multiplexer", "confuses its channels", _inject(lambda _: _set(flaws, "mux_fails", True)))
    yield Kind("filters differ", "fails its redundant measurement", _inject(lambda _: _set(flaws, "redundancy_fails", True)))


def _inject(break_it: Break) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        undo = break_it(injecting)
        injecting.touched(injecting.now)

        def lift(_: int) -> None:
            undo()

        return lift

    return inject


def _broken(divider: Divider, how: str, _: Injecting) -> Undo:
    return _set(divider, how, True)


def _set(thing: object, name: str, value: object) -> Undo:
    before = getattr(thing, name)
    setattr(thing, name, value)
    return lambda: setattr(thing, name, before)


def _member(things: set[int], one: int) -> Undo:
    things.add(one)
    return lambda: things.discard(one)


def _cut(device: Device, pin: int) -> Undo:
    device.wiring.cut(pin)
    return lambda: device.wiring.mend(pin)


def _stick(device: Device, given: Injecting) -> Undo:
    stuck, converter = device.converters.flaws.stuck, int(given["converter"])
    stuck[converter] = int(given["code"])
    return lambda: stuck.pop(converter, None)


def _end_after(chain: Chain, chips: int) -> Undo:
    return _set(chain, "broken_after", chips)


def _disturb(chain: Chain, given: Injecting) -> Undo:
    disturbance = Disturbance(amplitude_v=given["amplitude_v"], frequency_hz=given["frequency_hz"])
    undos = [_set(device.converters, "disturbance", disturbance) for device in chain.devices]
    return lambda: [undo() for undo in undos]
