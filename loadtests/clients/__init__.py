"""A million rows by the real clients, direct and through the gateway."""
