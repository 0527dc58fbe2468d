"""What the gateway adds to one statement, measured against a stub coordinator."""
