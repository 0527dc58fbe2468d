"""Usage as SQL: the tables `penstock.usage.*`, read from the store while a statement runs."""
