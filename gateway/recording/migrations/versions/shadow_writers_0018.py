"""Make the table that says up to where each worker's findings about changesets in shadow were added."""

import sqlalchemy as sa
from alembic import op

revision = "shadow_writers_0018"
down_revision = "answered_0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "penstock_shadow_writers",
        sa.Column("changeset", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    """Drop the table: what is written twice is counted twice."""
    op.drop_table("penstock_shadow_writers")
