"""The referee: reads wires and physical truth only, and judges a run or a recording clause by clause."""
