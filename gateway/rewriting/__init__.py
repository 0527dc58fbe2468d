"""Rewritten statements: how they run, what proves them, and how they are compared with their base."""
