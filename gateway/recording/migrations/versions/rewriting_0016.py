"""Make the tables of certificates, quarantines and comparisons of rewritten statements."""

import sqlalchemy as sa
from alembic import op

from gateway.recording.tables import Instant

revision = "rewriting_0016"
down_revision = "overrides_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "penstock_certificates",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("views", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("used_at", Instant, nullable=False),
    )
    op.create_index("penstock_certificates_made", "penstock_certificates", ["made_at", "id"])
    op.create_index("penstock_certificates_used", "penstock_certificates", ["used_at"])
    op.create_table(
        "penstock_quarantines",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("certificate", sa.Text, nullable=False),
        sa.Column("reproduction", sa.Text, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("released_at", Instant),
        sa.Column("released_by", sa.Text),
        sa.Column("release_reason", sa.Text),
    )
    op.create_index("penstock_quarantines_view", "penstock_quarantines", ["view", "made_at"])
    op.create_table(
        "penstock_comparisons",
        sa.Column("view", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_at", Instant, nullable=False),
        sa.Column("last_at", Instant, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables: what was quarantined may then be answered from again."""
    for table in ("penstock_comparisons", "penstock_quarantines", "penstock_certificates"):
        op.drop_table(table)
