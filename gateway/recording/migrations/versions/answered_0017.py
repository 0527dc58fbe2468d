"""Keep beside a statement what materialized views had to do with its answer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "answered_0017"
down_revision = "rewriting_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows from before have nothing in it."""
    op.add_column("penstock_usage", sa.Column("rewritten", sa.JSON().with_variant(JSONB(), "postgresql")))


def downgrade() -> None:
    """Drop the column with what it holds."""
    op.drop_column("penstock_usage", "rewritten")
