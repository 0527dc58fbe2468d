"""Partners as tenants: the registry, their entitlements and tokens, and what they used."""
