"""Who may spend how much, held against what statements take: leases, reservations, and their settlement."""
