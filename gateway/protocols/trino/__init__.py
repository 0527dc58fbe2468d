"""The Trino client protocol."""
