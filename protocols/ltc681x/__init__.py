"""Cell-monitoring chips LTC6811 and LTC6813 as their master sees them: commands, checksums, registers."""
