"""What happened: the journal, the usage store and its migrations."""
