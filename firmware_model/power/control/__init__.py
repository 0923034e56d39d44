"""The control loops of the power stage as its microcontroller computes them, shared by every level that has loops."""
