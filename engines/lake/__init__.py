"""The embedded lake: DuckDB over Iceberg snapshots."""
