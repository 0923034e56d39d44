"""Sources, loads, meters and relays around a CAN session: what a laboratory really connects to pile or vehicle."""
