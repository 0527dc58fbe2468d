"""The tables of `penstock.usage`, in the form of `gateway.metadata.layouts`: a column is `name` or `name:type`."""

from __future__ import annotations

from catalog.objects import TableName

CATALOG, SCHEMA = "penstock", "usage"

_MONEY = "decimal(18,9)"
_TIME = "timestamp(3)_with_time_zone"

_USED = f"limit_usd:{_MONEY} used_usd:{_MONEY} left_usd:{_MONEY} limit_bytes:bigint used_bytes:bigint left_bytes:bigint"

USAGE = {
    "adjustments": f"query_id adjustment:bigint user entered:{_TIME} bytes:bigint cost_usd:{_MONEY} reason",
    "budgets": f"account budget holder user unit begins:{_TIME} resets:{_TIME} {_USED} reserved_usd:{_MONEY}"
    " reserved_bytes:bigint",
    "shares": f"query_id adjustment:bigint user entered:{_TIME} table_name cost_usd:{_MONEY}",
    "statements": f"query_id user source kind outcome engine received:{_TIME} finished:{_TIME} tables:array(varchar)"
    " rows:bigint result_bytes:bigint scanned_bytes:bigint billed_bytes:bigint estimated_bytes_low:bigint"
    " estimated_bytes:bigint estimated_bytes_high:bigint estimate_basis"
    f" estimated_usd:{_MONEY} cost_usd:{_MONEY} adjusted_usd:{_MONEY} cost_basis rate error_code error_message query",
}


def is_usage(name: TableName) -> bool:
    """Tell whether a name lies where usage is told."""
    return (name.catalog, name.schema) == (CATALOG, SCHEMA)
