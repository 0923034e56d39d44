"""Power semiconductors: losses, gate drivers, short circuits and what protects them."""
