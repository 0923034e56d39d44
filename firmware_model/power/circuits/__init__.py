"""Ideal switched circuits as data, and the engine that steps them exactly between events."""
