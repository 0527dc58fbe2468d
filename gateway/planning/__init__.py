"""From a parsed statement to a plan: one file for each family of statements."""
