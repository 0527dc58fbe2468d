"""The translation of governed Trino SQL to ClickHouse SQL."""

from __future__ import annotations

from rewrite_rules.translate_clickhouse.translate import translate

__all__ = ["translate"]
