"""The power stage at several fidelities behind one seam."""
