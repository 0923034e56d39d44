"""The pile, the car and the wires between them, in virtual time."""
