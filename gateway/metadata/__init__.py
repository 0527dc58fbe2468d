"""Metadata answered from the gateway's own catalog."""
