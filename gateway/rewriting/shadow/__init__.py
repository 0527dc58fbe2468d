"""Shadow comparison: rewritten statements run on their base too, off their path; a difference stops the view."""
