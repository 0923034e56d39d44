"""GB/T 27930: the CAN conversation between an off-board DC charger and a battery management system."""
