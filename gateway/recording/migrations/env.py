"""Run migrations on the connection that `gateway.recording.schema` hands over, inside its transaction."""

from alembic import context

from gateway.recording.schema import VERSION_TABLE
from gateway.recording.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=False,  # the caller holds the transaction
)
context.run_migrations()
