"""Isolated communications: transceivers, isolators, the insulation monitor, and the noise that the power stage puts on them."""
