"""Policies in other systems' own languages: what these can say of them, and a list of what they cannot."""
