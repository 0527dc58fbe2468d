"""The door and the corridor: listeners, the Trino protocol, identity, the pipeline, recording, the CLI."""
