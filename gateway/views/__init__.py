"""Materialized views: which there are, how fresh each is, and how one is built. See docs/materialized-views.md."""
