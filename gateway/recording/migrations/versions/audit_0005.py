"""Make the audit's chain, which takes no changes, and keep beside a statement what it read of protected columns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "audit_0005"
down_revision = "policies_0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
_WORDS = "the audit is append-only"


def upgrade() -> None:
    """Create the table, its indexes and the triggers that refuse to change it; add the column to usage."""
    op.create_table(
        "penstock_audit",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("prev", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("penstock_audit_at", "penstock_audit", ["at"])
    op.create_index("penstock_audit_user", "penstock_audit", ["user_name", "at"])
    op.create_index("penstock_audit_kind", "penstock_audit", ["kind", "at"])
    op.add_column("penstock_usage", sa.Column("exposures", _DOCUMENT))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION penstock_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER penstock_audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON penstock_audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION penstock_audit_refuse()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER penstock_audit_kept_{change.lower()} BEFORE {change} ON penstock_audit "
            f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
        )


def downgrade() -> None:
    """Drop the chain with all its entries."""
    op.drop_column("penstock_usage", "exposures")
    op.drop_table("penstock_audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION penstock_audit_refuse")
