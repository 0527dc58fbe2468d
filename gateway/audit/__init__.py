"""The audit: entries of who did what to protected things, chained so that nobody can bend them unseen."""
