"""Who is asking: authentication and impersonation."""
