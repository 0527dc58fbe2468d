"""Make the table of policy documents and their versions."""

import sqlalchemy as sa
from alembic import op

revision = "policies_0004"
down_revision = "client_info_0003"
branch_labels = None
depends_on = None

_INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """Create the table; at most one version of a document is live."""
    op.create_table(
        "penstock_policies",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("parent", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("name", "version", name="penstock_policies_version"),
    )
    live = sa.text("state = 'live'")
    op.create_index(
        "penstock_policies_live", "penstock_policies", ["name"], unique=True, postgresql_where=live, sqlite_where=live
    )


def downgrade() -> None:
    """Drop the table with all policies made by statements."""
    op.drop_table("penstock_policies")
