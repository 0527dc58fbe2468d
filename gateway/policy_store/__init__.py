"""Policy documents in the store: versions, written whole or not at all, read by every worker and replica."""
