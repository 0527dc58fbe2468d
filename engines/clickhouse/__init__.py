"""The ClickHouse engine, over HTTP or in process."""
