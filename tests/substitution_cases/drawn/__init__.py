"""Views, queries, changes, policies and sessions drawn at random over the tables of the cases."""
