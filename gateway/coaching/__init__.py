"""Who asks for much is told how to ask for less: hints, refusals that help, and cheaper statements with their price."""
