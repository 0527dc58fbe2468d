"""The console: pages for people on the admin port, under `/ui`, made from what the API itself calls."""
