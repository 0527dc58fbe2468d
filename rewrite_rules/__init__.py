"""Passes over the syntax tree: one pass, one file, one pure function."""
