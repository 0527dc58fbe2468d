"""Iceberg tables as their metadata tells of them: what a scan would read, for whatever engine reads them."""
