"""What a query does, as data: its scans, joins and groups, from a governed tree; how many rows they come to."""
