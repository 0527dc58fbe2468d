"""Queries over a table of traps, drawn by a grammar, on every path against the real Trino."""
