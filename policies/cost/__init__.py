"""What statements cost, and who may spend how much: money, estimates, budgets."""
