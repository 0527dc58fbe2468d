"""The relay in front of a Trino cluster."""
