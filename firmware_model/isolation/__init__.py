"""What stands between the power side and the control side: isolators, isolated transceivers, insulation monitoring, noise."""
