"""Where frames come from outside the simulation: recordings and, later, wires. One file each."""
