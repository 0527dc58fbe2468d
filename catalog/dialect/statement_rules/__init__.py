"""Rules for the statements that are no queries: a small parser of our own, one file for each family."""
