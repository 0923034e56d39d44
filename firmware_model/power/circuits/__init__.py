"""Ideal switched circuits as data, stepped exactly between events."""
