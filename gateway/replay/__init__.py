"""Recorded statements planned again under other policies: what a draft would change, and what one in shadow does."""
