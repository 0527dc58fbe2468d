"""Make the tables of comparisons: of drafts with recorded statements, and of changesets in shadow."""

import sqlalchemy as sa
from alembic import op

revision = "replay_0011"
down_revision = "partner_rates_0010"
branch_labels = None
depends_on = None

_NUMBER = sa.Float(53)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "penstock_diffs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("changeset", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("days", _NUMBER, nullable=False),
        sa.Column("sample", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("made_at", _NUMBER, nullable=False),
        sa.Column("beat_at", _NUMBER, nullable=False),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("report", sa.Text),
    )
    op.create_index("penstock_diffs_made", "penstock_diffs", ["made_at"])
    op.create_table(
        "penstock_shadow",
        sa.Column("changeset", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("user_name", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_seen", _NUMBER, nullable=False),
        sa.Column("last_seen", _NUMBER, nullable=False),
        sa.Column("example", sa.Text, nullable=False),
    )
    op.create_table(
        "penstock_shadow_totals",
        sa.Column("changeset", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("compared", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("dropped", sa.BigInteger, nullable=False),
        sa.Column("first_seen", _NUMBER, nullable=False),
        sa.Column("last_seen", _NUMBER, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables with what was found."""
    op.drop_table("penstock_shadow_totals")
    op.drop_table("penstock_shadow")
    op.drop_table("penstock_diffs")
