"""Budgets and caps as policy: how much may be spent, by whom, in which period, and how much by one statement."""
