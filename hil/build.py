"""From a scenario, which people write, to a bench, which runs."""

from dataclasses import replace
from math import inf

from firmware_model.battery.packs import PACKS
from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault
from firmware_model.happenings import Moment, Step
from firmware_model.power.quasi_static import RATINGS
from firmware_model.vehicle import Owner
from hil import scenario as s
from hil.errors import BadInput
from protocols.core.errors import LocalError
from protocols.gbt27930.editions import EDITIONS


def build(scenario: s.Scenario, seed: int, *, most_v: float = inf, most_a: float = inf) -> Bench:
    """The bench that *scenario* describes. What its parts refuse is the scenario's mistake. On a real wire the pile offers no
    more than *most_v* and *most_a*, and the vehicle admits no more than *most_a*.
    """
    pile, vehicle = _pile(scenario.pile), _vehicle(scenario.vehicle)
    rating, plan = pile.rating, vehicle.plan
    try:
        return Bench(
            replace(
                pile,
                rating=replace(
                    rating,
                    connector_current_a=min(rating.connector_current_a, most_a),
                    voltage_max_v=min(rating.voltage_max_v, most_v),
                ),
            ),
            replace(vehicle, plan=replace(plan, current_max_a=min(plan.current_max_a, most_a))),
            seed=seed,
            script=list(map(_step, scenario.script)),
            faults=faults_of(scenario),
            bitrate=scenario.wires.bitrate,
        )
    except LocalError as error:
        raise BadInput(f"scenario {scenario.title!r}: {error}") from None


def faults_of(scenario: s.Scenario) -> list[Fault]:
    """Everything that goes wrong in *scenario*, lost messages included."""
    return [*map(_loss, scenario.lose), *map(_fault, scenario.faults)]


def _step(step: s.Step) -> Step:
    moment = Moment(_us(step.at_s), step.after)
    if step.for_s is None:
        return Step(step.do, moment)
    return Step(step.do, moment, for_us=_us(step.for_s), voltage_v=step.voltage_v or 0.0)


def _pile(pile: s.Pile) -> PileSetup:
    return PileSetup(
        rating=RATINGS[pile.power],
        edition=EDITIONS[pile.edition],
        habits=pile.habits,
        settings=pile.settings,
        temp_degc=pile.temp_degc,
        insulation_plus_ohm=pile.insulation_plus_ohm,
        insulation_minus_ohm=pile.insulation_minus_ohm,
        tickless=pile.tickless,
        level=pile.level,
        exact_sensors=pile.exact_sensors,
    )


def _vehicle(vehicle: s.Vehicle) -> VehicleSetup:
    silent = frozenset() if vehicle.tells_cells else frozenset({"BMV", "BMT"})
    return VehicleSetup(
        pack=PACKS[vehicle.pack],
        edition=EDITIONS[vehicle.edition],
        habits=replace(vehicle.habits, omit=vehicle.habits.omit | silent),
        plan=vehicle.plan,
        owner=Owner(soc_target_pct=vehicle.soc_target_pct, prepare_us=_us(vehicle.prepare_s)),
        soc_pct=vehicle.soc_pct,
        version=vehicle.protocol_version,
        temp_degc=vehicle.temp_degc,
        afe=vehicle.afe,
    )


def _loss(loss: s.Loss) -> Fault:
    """A lost message is a fault of the wire like others; it has a shorter form because it is the most common one."""
    at_us = _us(loss.at_s)
    return Fault(at_us, None if loss.for_s is None else at_us + _us(loss.for_s), f"wire/{loss.message}", "drop", after=loss.after)


def _fault(fault: s.Fault) -> Fault:
    return Fault(
        _us(fault.at_s),
        None if fault.until_s is None else _us(fault.until_s),
        fault.where,
        fault.kind,
        fault.args,
        after=fault.after,
        when=fault.when,
    )


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
