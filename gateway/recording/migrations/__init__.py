"""Alembic's environment and the migrations of the store, the same for SQLite and Postgres."""
