"""Who may see what: the authoring model, compiled decisions, row filters and column masks."""
