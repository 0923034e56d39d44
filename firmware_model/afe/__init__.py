"""The battery AFE: a daisy chain of cell monitors at register level, its sensors and their faults."""
