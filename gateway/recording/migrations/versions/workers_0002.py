"""Make the table by which workers and replicas find one another."""

import sqlalchemy as sa
from alembic import op

revision = "workers_0002"
down_revision = "usage_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "penstock_workers",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("penstock_workers")
