"""The operator's ports: health, metrics, reload."""
