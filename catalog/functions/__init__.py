"""The functions that exist, with the signatures Trino gives them."""
