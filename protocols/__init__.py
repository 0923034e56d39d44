"""What is said on the wires of a charging pile: sans-IO protocols, no clock, no I/O, no threads."""
