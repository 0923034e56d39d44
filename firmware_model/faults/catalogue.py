"""Everything that can fail, found in the model itself."""

from collections.abc import Iterator
from typing import NamedTuple

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.actuators import actuator_places
from firmware_model.faults.afe import afe_places
from firmware_model.faults.battery import battery_places, bms_places, insulation_places
from firmware_model.faults.clocks import timer_places
from firmware_model.faults.isolation import isolation_places
from firmware_model.faults.memory import memory_places
from firmware_model.faults.place import Kind, Place, Places
from firmware_model.faults.rig import Rig
from firmware_model.faults.sensors import sensor_places
from firmware_model.faults.stage import stage_places
from firmware_model.faults.supplies import line_places, supply_places
from firmware_model.faults.wire import wire_places

PARTS = (
    wire_places,
    sensor_places,
    actuator_places,
    stage_places,
    supply_places,
    line_places,
    timer_places,
    memory_places,
    battery_places,
    bms_places,
    afe_places,
    insulation_places,
    isolation_places,
)
"""Who finds the places of each part of the bench."""


class Entry(NamedTuple):
    """One kind of fault at one place."""

    place: Place
    kind: Kind

    @property
    def name(self) -> str:
        """As a fault without arguments writes itself."""
        return f"{self.place.where} {self.kind.name}"


def places_of(rig: Rig) -> Places:
    """All places of the bench behind *rig*; found once."""
    if rig.places is None:
        rig.places = Places(place for part in PARTS for place in part(rig))
    return rig.places


def catalogue(bench: Bench | None = None) -> Iterator[Entry]:
    """Every fault that *bench*, or else one with everything as usual, can have."""
    bench = bench or Bench(PileSetup(level="quasi_static"), VehicleSetup(afe=True), seed=1)
    for place in places_of(Rig(bench)).values():
        for kind in place.kinds:
            yield Entry(place, kind)
