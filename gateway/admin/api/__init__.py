"""The admin API: what governs, over HTTP. OpenAPI at `/openapi.json`."""
