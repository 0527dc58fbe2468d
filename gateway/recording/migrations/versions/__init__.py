"""The migrations, one file per revision; run them by `gateway.recording.schema.migrate`."""
