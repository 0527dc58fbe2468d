"""What executes: Trino, ClickHouse and the embedded lake behind one interface."""
