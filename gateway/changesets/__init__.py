"""Changesets: several edits of stored policies that become live together, or not at all, and can be taken back."""
