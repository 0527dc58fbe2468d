"""Make the table of overrides of budgets and caps."""

import sqlalchemy as sa
from alembic import op

from gateway.recording.tables import Instant

revision = "overrides_0015"
down_revision = "adjustments_0014"
branch_labels = None
depends_on = None

_TABLE = "penstock_budget_overrides"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("limit_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.Column("amount", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approver", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("ended_at", Instant),
        sa.Column("ended_by", sa.Text),
    )
    op.create_index(f"{_TABLE}_limit", _TABLE, ["limit_id", "id"])
    op.create_index(f"{_TABLE}_expiry", _TABLE, ["expires_at"])


def downgrade() -> None:
    """Drop the table: nobody knows then who allowed what."""
    op.drop_table(_TABLE)
