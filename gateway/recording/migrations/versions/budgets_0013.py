"""Make the tables of budgets: accounts, what workers hold of them, what statements took, and notes."""

import sqlalchemy as sa
from alembic import op

from gateway.recording.tables import Instant

revision = "budgets_0013"
down_revision = "costs_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _accounts()
    _leases()
    op.create_table(
        "penstock_budget_charges",
        sa.Column("query_id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.Column("lease", sa.Text, nullable=False),
    )
    op.create_table(
        "penstock_budget_notes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    for name in ("charges", "notes"):
        op.create_index(f"penstock_budget_{name}_account", f"penstock_budget_{name}", ["account"])


def _accounts() -> None:
    op.create_table(
        "penstock_budget_accounts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("budget", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("starts_at", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("most", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("leased", sa.BigInteger, nullable=False),
        sa.Column("called_at", sa.Float(53), nullable=False),
    )
    op.create_index("penstock_budget_accounts_budget", "penstock_budget_accounts", ["budget", "ends_at"])


def _leases() -> None:
    op.create_table(
        "penstock_budget_leases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.BigInteger, nullable=False),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("moves", sa.BigInteger, nullable=False),
        sa.Column("renewed_at", sa.Float(53), nullable=False),
    )
    for name in ("account", "worker"):
        op.create_index(f"penstock_budget_leases_{name}", "penstock_budget_leases", [name])


def downgrade() -> None:
    """Drop the tables: nobody knows then what was spent."""
    for name in ("notes", "charges", "leases", "accounts"):
        op.drop_table(f"penstock_budget_{name}")
