"""Run statements directly on Trino and through the gateway, and tell where the answers differ."""
