"""A million rows of the real Trino, direct and through the gateway."""
