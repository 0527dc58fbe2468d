"""Wire protocols that clients speak to the gateway."""
