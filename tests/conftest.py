"""Settings for the whole suite."""

import os

from hypothesis import HealthCheck, settings

# One pace for all machines: examples count, not wall time, and the same ones every run.
common = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.differing_executors]}
settings.register_profile("default-form", **common)
settings.register_profile("short", max_examples=25, **common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default-form"))
