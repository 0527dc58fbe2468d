"""What statements will cost: estimates from what engines know of their tables, held against what statements took."""
