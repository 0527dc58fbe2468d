"""Make the table of usage rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "usage_0001"
down_revision = None
branch_labels = None
depends_on = None

_INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
_DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Create the table and its indexes."""
    op.create_table(
        "penstock_usage",
        sa.Column("query_id", sa.Text, primary_key=True),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.Column("finished_at", _INSTANT, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("authenticated", sa.Text, nullable=False),
        sa.Column("auth_method", sa.Text, nullable=False),
        sa.Column("roles", _DOCUMENT, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("client_tags", _DOCUMENT, nullable=False),
        sa.Column("client_address", sa.Text),
        sa.Column("trace_token", sa.Text),
        sa.Column("sql_text", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("tables", _DOCUMENT, nullable=False),
        sa.Column("policies", _DOCUMENT, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reasons", _DOCUMENT, nullable=False),
        sa.Column("engine", sa.Text),
        sa.Column("engine_query_id", sa.Text),
        sa.Column("plan_cached", sa.Boolean, nullable=False),
        sa.Column("stage_ms", _DOCUMENT, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("byte_count", sa.BigInteger, nullable=False),
        sa.Column("scanned_bytes", sa.BigInteger),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
    )
    op.create_index("penstock_usage_received", "penstock_usage", ["received_at"])
    op.create_index("penstock_usage_user", "penstock_usage", ["user_name", "received_at"])
    op.create_index("penstock_usage_fingerprint", "penstock_usage", ["fingerprint"])


def downgrade() -> None:
    """Drop the table with all usage rows."""
    op.drop_table("penstock_usage")
