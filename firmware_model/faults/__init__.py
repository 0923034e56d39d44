"""Faults as data: what can go wrong, where, from when to when, and how it is applied at the seams."""
