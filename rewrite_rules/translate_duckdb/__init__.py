"""Translate: a typed, governed Trino tree in DuckDB's words, for the embedded lake.

    SELECT sum(n) / count(*) FROM ...   ->   SELECT (CAST(sum(r1.c0) AS BIGINT) // count(*)) AS c0 FROM ...

What DuckDB would answer otherwise than Trino is written so that it answers the same, or refused by name.
"""

from rewrite_rules.translate_duckdb.translate import translate, translate_change, translate_expression

__all__ = ["translate", "translate_change", "translate_expression"]
