"""Settings that every query carries, so that neither a server's profile nor its version changes an answer.

What each one repairs was measured over the trap table (function-truth section 3). They travel as parameters of the
query, never inside its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_LIMITED = ("read", "group_by", "sort", "result", "timeout", "set", "join", "transfer", "distinct")

PINNED: Mapping[str, str] = MappingProxyType(
    {
        "join_use_nulls": "1",
        "group_by_use_nulls": "1",
        "aggregate_functions_null_for_empty": "1",
        "least_greatest_legacy_null_behavior": "1",
        "enable_extended_results_for_datetime_functions": "1",
        "splitby_max_substrings_includes_remaining_string": "1",
        "date_time_overflow_behavior": "throw",
        "session_timezone": "UTC",
        "formatdatetime_parsedatetime_m_is_month_name": "0",
        "use_variant_as_common_type": "0",
        "short_circuit_function_evaluation": "enable",
        "enable_positional_arguments": "1",
        "decimal_check_overflow": "1",
        "transform_null_in": "0",
        "prefer_column_name_to_alias": "0",
        # `d = 0 OR d = 1 OR d = 2` would become an IN, for which -0.0 is not 0.0 and NaN is NaN.
        "optimize_min_equality_disjunction_chain_length": "1000000000",
        "optimize_min_inequality_conjunction_chain_length": "1000000000",
        # It takes conditions for the same that differ within a lambda, and leaves out rows that one of them holds for.
        "use_query_condition_cache": "0",
        # What follows are defaults that another profile could change, or that the driver sets.
        "enable_analyzer": "1",
        "allow_experimental_correlated_subqueries": "1",
        "cast_string_to_date_time_mode": "best_effort",
        "date_time_input_format": "best_effort",
        "precise_float_parsing": "1",
        "cast_keep_nullable": "0",
        "data_type_default_nullable": "0",
        "join_default_strictness": "ALL",
        "any_join_distinct_right_table_keys": "0",
        "empty_result_for_aggregation_by_empty_set": "0",
        "empty_result_for_aggregation_by_constant_keys_on_empty_set": "1",
        "max_recursive_cte_evaluation_depth": "10",
        # A limit must end a query, never shorten its answer.
        "skip_unavailable_shards": "0",
        "limit": "0",
        "offset": "0",
        **dict.fromkeys((f"{what}_overflow_mode" for what in _LIMITED), "throw"),
    }
)
"""What gives Trino's answers."""

SAFETY: Mapping[str, str] = MappingProxyType({"readonly": "2", "allow_introspection_functions": "0"})
"""What lets a query read and nothing else, whatever its text says."""

ACCOUNTED: Mapping[str, str] = MappingProxyType(
    {
        "log_queries": "1",
        "log_queries_min_type": "QUERY_START",
        "log_queries_min_query_duration_ms": "0",
        "log_queries_probability": "1",
        "log_profile_events": "1",
    }
)
"""What has a query's end written down with what it read, where the server keeps a log of queries at all."""

BLOCK_ROWS = 8192
"""Rows in a block: what is held beside the page under construction."""


def query_settings(limits: Mapping[str, str], tag: str) -> dict[str, str]:
    """Return the settings of one query: the operator's limits below, what answers and safety depend on above.

    `tag` is the gateway's query id; it lands in the server's query log and finds the query again to kill it.
    """
    return {**limits, **PINNED, **SAFETY, **ACCOUNTED, "max_block_size": str(BLOCK_ROWS), "log_comment": tag}
