"""Simulation: what would become of a statement, for whomever, under whichever policies; nothing is run or changed."""
