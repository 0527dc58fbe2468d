"""Many statements at once against budgets that suffice for a part of them, while gateways are killed."""
