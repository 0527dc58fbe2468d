"""Make the registry of partners, and keep beside a statement which partner's it was."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "partners_0008"
down_revision = "asked_0007"
branch_labels = None
depends_on = None

_DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    native = sa.BigInteger().with_variant(sa.DateTime(timezone=True), "postgresql")
    return sa.Column(name, native, nullable=nullable)


def upgrade() -> None:
    """Create the tables, and the revision's one row."""
    _partners()
    _entitlements()
    _tokens()
    op.create_table(
        "penstock_partner_revision",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO penstock_partner_revision (id, revision) VALUES (1, 0)")
    op.add_column("penstock_usage", sa.Column("partner", sa.Text))
    op.create_index("penstock_usage_partner", "penstock_usage", ["partner", "finished_at"])


def _partners() -> None:
    op.create_table(
        "penstock_partners",
        sa.Column("partner_id", sa.Text, primary_key=True),
        sa.Column("folded", sa.Text, nullable=False, unique=True),
        sa.Column("organization", sa.Text, nullable=False),
        sa.Column("contact", sa.Text),
        sa.Column("rate", sa.Float(53)),
        sa.Column("state", sa.Text, nullable=False),
        _instant("created_at"),
        sa.Column("created_by", sa.Text, nullable=False),
        _instant("changed_at"),
        sa.Column("version", sa.BigInteger, nullable=False),
    )


def _entitlements() -> None:
    op.create_table(
        "penstock_entitlements",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("partner_id", sa.Text, nullable=False),
        sa.Column("catalog_name", sa.Text, nullable=False),
        sa.Column("schema_name", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("row_filter", sa.Text),
        sa.Column("allowed_columns", _DOCUMENT),
        sa.Column("denied_columns", _DOCUMENT, nullable=False),
        sa.Column("rate", sa.Float(53)),
        _instant("starts_at"),
        _instant("expires_at"),
        sa.Column("state", sa.Text, nullable=False),
        _instant("created_at"),
        sa.Column("created_by", sa.Text, nullable=False),
        _instant("changed_at"),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("penstock_entitlements_partner", "penstock_entitlements", ["partner_id", "id"])
    op.create_index(
        "penstock_entitlements_open",
        "penstock_entitlements",
        ["partner_id", "catalog_name", "schema_name", "table_name"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )


def _tokens() -> None:
    op.create_table(
        "penstock_partner_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("partner_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("scope", _DOCUMENT, nullable=False),
        _instant("issued_at"),
        _instant("expires_at"),
        sa.Column("issued_by", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        _instant("revoked_at", nullable=True),
        sa.Column("revoked_by", sa.Text),
    )
    op.create_index("penstock_partner_tokens_partner", "penstock_partner_tokens", ["partner_id", "id"])
    op.create_index("penstock_partner_tokens_revoked", "penstock_partner_tokens", ["state", "expires_at"])


def downgrade() -> None:
    """Drop the registry: who was a partner is then governed by policies alone."""
    op.drop_index("penstock_usage_partner", "penstock_usage")
    op.drop_column("penstock_usage", "partner")
    for table in (
        "penstock_partner_revision",
        "penstock_partner_tokens",
        "penstock_entitlements",
        "penstock_partners",
    ):
        op.drop_table(table)
