"""Penstock beside nginx and trino-gateway, in front of one stub coordinator that costs next to nothing."""
