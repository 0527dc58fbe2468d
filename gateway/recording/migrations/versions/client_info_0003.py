"""Keep what a client says of itself beside a statement."""

import sqlalchemy as sa
from alembic import op

revision = "client_info_0003"
down_revision = "workers_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; rows from before have nothing in it."""
    op.add_column("penstock_usage", sa.Column("client_info", sa.Text))


def downgrade() -> None:
    """Drop the column with what it holds."""
    op.drop_column("penstock_usage", "client_info")
