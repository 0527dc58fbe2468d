"""Keep beside a statement what it was expected to take and what it cost."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "costs_0012"
down_revision = "replay_0011"
branch_labels = None
depends_on = None

_ADDED = ("priced", "bill", "cost_nano")


def upgrade() -> None:
    """Add the columns; rows from before have nothing in them."""
    for name in _ADDED[:2]:
        op.add_column("penstock_usage", sa.Column(name, sa.JSON().with_variant(JSONB(), "postgresql")))
    op.add_column("penstock_usage", sa.Column(_ADDED[2], sa.BigInteger()))


def downgrade() -> None:
    """Drop the columns with what they hold."""
    for name in reversed(_ADDED):
        op.drop_column("penstock_usage", name)
