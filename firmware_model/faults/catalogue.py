"""Everything that can fail, found in the model itself."""

from firmware_model.faults.actuators import actuator_places
from firmware_model.faults.place import Places
from firmware_model.faults.rig import Rig
from firmware_model.faults.sensors import sensor_places
from firmware_model.faults.wire import wire_places

PARTS = (wire_places, sensor_places, actuator_places)
"""Who finds the places of each part of the bench."""


def places_of(rig: Rig) -> Places:
    """All places of the bench behind *rig*; found once."""
    if rig.places is None:
        rig.places = Places(place for part in PARTS for place in part(rig))
    return rig.places
