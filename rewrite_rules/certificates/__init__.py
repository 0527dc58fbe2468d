"""Certificates of rewritings, and the checker that believes none: it shares no code with the matcher."""
