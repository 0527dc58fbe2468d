"""Make the table of partners' token buckets."""

import sqlalchemy as sa
from alembic import op

revision = "partner_rates_0010"
down_revision = "changesets_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "penstock_partner_rates",
        sa.Column("bucket", sa.Text, primary_key=True),
        sa.Column("tokens", sa.Float(53), nullable=False),
        sa.Column("filled_at", sa.Float(53), nullable=False),
        sa.Column("taken", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Drop the table: all buckets are full again."""
    op.drop_table("penstock_partner_rates")
