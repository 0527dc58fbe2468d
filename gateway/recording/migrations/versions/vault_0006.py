"""Make the vault: values of tokenised columns, sealed, beside the hash by which their tokens are found."""

import sqlalchemy as sa
from alembic import op

revision = "vault_0006"
down_revision = "audit_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "penstock_vault",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop the table: tokens can no longer be turned back until it is filled again."""
    op.drop_table("penstock_vault")
