"""Make the table of entries that correct bills; find statements by when they ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gateway.recording.tables import Instant

revision = "adjustments_0014"
down_revision = "budgets_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and an index."""
    op.create_table(
        "penstock_adjustments",
        sa.Column("query_id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("at", Instant, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("partner", sa.Text),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("billed", sa.BigInteger, nullable=False),
        sa.Column("shares", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("penstock_adjustments_at", "penstock_adjustments", ["at"])
    op.create_index("penstock_adjustments_user", "penstock_adjustments", ["user_name", "at"])
    op.create_index("penstock_usage_finished", "penstock_usage", ["finished_at"])


def downgrade() -> None:
    """Drop the table: bills are then as they were first."""
    op.drop_index("penstock_usage_finished", "penstock_usage")
    op.drop_table("penstock_adjustments")
