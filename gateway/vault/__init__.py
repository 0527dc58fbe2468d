"""The vault of reversible tokens: sealed values in the store, filled ahead, revealed with a grant and a reason."""
