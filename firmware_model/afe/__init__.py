"""The battery front end: cell-monitoring chips in a daisy chain, and what they measure of a pack."""
