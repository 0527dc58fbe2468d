"""Make the tables of changesets, and of what each changed."""

import sqlalchemy as sa
from alembic import op

revision = "changesets_0009"
down_revision = "partners_0008"
branch_labels = None
depends_on = None

_INSTANT = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "penstock_changesets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("edited_by", sa.Text, nullable=False),
        sa.Column("promoted_by", sa.Text),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("edits", sa.Text, nullable=False),
        sa.Column("documents", sa.Text, nullable=False),
        sa.Column("sections", sa.Text, nullable=False),
        sa.Column("edit_count", sa.BigInteger, nullable=False),
        sa.Column("moved", sa.Text, nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
    )
    op.create_index("penstock_changesets_state", "penstock_changesets", ["state", "number"])
    op.create_table(
        "penstock_policy_changes",
        sa.Column("version_id", sa.Text, primary_key=True),
        sa.Column("section", sa.Text, primary_key=True),
        sa.Column("entry_key", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("op", sa.Text, nullable=False),
        sa.Column("changeset", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
    )
    op.create_index("penstock_policy_changes_entry", "penstock_policy_changes", ["section", "entry_key", "serial"])


def downgrade() -> None:
    """Drop the tables: versions of documents stay, but not how they came about."""
    op.drop_table("penstock_policy_changes")
    op.drop_table("penstock_changesets")
