"""Keep beside a statement how it was asked, so that it can be planned again under other policies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "asked_0007"
down_revision = "vault_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows from before have nothing in it."""
    op.add_column("penstock_usage", sa.Column("asked", sa.JSON().with_variant(JSONB(), "postgresql")))


def downgrade() -> None:
    """Drop the column with what it holds."""
    op.drop_column("penstock_usage", "asked")
