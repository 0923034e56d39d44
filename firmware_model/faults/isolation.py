"""Faults of the isolated CAN transceivers: upsets of a barrier, noise between the wires, a lost supply, a dead receiver."""

from collections.abc import Collection, Iterator

from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig
from firmware_model.isolation.emi import SwitchingNoise, drives
from firmware_model.isolation.noise import PROFILES, Edges, Profile
from firmware_model.wires.can_errors import BitErrors, Corruption
from protocols.core.frame import Frame


def isolation_places(rig: Rig) -> Iterator[Place]:
    """The barrier at each end of the bus, and the wires between."""
    ber = {"ber": Arg(1e-3, 1e-9, 1.0)}
    for host in ("pile", "vehicle"):
        kinds = (
            Kind("upsets", "wrong levels at its RXD, *ber* per bit", _noise(rig, {host}), ber),
            Kind("supply lost", "its bus side has no supply: neither hears nor is heard", unplugged(rig, host)),
            Kind("deaf", "its RXD does not move; it transmits all the same", _deaf(rig, host)),
        )
        yield Place(f"isolation/can_{host}", f"isolated CAN transceiver of the {host}", kinds)
    worst = PROFILES["bad shield"].ber
    of_stage = {"ber": Arg(worst, 1e-12, 0.03), "factor": Arg(1.0, 0.0, 1e4), "slope_v_per_us": Arg(4500.0, 1.0, 100e3)}
    between = (
        Kind("noise", "wrong bits for every node, *ber* per bit", _noise(rig, None), ber),
        Kind(
            "stage noise",
            "wrong bits for every node while the stage switches: *factor* times *ber* per bit, more with steeper edges",
            _stage_noise(rig),
            of_stage,
        ),
    )
    yield Place("isolation/can_wires", "the CAN wires between pile and vehicle", between)


def _noise(rig: Rig, seen_by: Collection[str] | None) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        return _errors(rig, injecting, BitErrors(injecting["ber"], injecting.rng, places=(seen_by,)))

    return inject


def _stage_noise(rig: Rig) -> Inject:
    circuit = rig.pile.circuit

    def inject(injecting: Injecting) -> Lift:
        noise = SwitchingNoise(
            lambda: drives(circuit.stage, circuit.setpoint),
            Profile(name="given", ber=injecting["ber"]),
            edges=Edges(slope_v_per_us=injecting["slope_v_per_us"]),
            factor=injecting["factor"],
        )
        return _errors(rig, injecting, BitErrors(noise, injecting.rng))

    return inject


def _errors(rig: Rig, injecting: Injecting, errors: BitErrors) -> Lift:
    """Let *errors* disturb the bus until the fault is lifted."""

    def disturb(frame: Frame, sender: str, now: int) -> Corruption | None:
        done = errors(frame, sender, now)
        if done is not None:
            injecting.touched(now)
        return done

    end = rig.disturb(disturb)
    return lambda _: end()


def _deaf(rig: Rig, host: str) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        def disturb(_: Frame, sender: str, now: int) -> Corruption | None:
            if sender == host:
                return None
            injecting.touched(now)
            return Corruption(dropped_at={host})

        end = rig.disturb(disturb)
        return lambda _: end()

    return inject


def unplugged(rig: Rig, host: str) -> Inject:
    """A kind that takes *host* off the bus."""

    def inject(injecting: Injecting) -> Lift:
        port = rig.pile.port if host == "pile" else rig.vehicle.port
        if port.connected:
            port.detach(injecting.now)
            injecting.touched(injecting.now)

        def lift(now: int) -> None:
            if host == "pile" or rig.vehicle.plugged:
                port.attach(now)

        return lift

    return inject
