"""Clocks, real wires, files and people: everything around the model."""
