"""Benchmarks: ratios and times in one run; each ends with one line of key=value pairs."""
