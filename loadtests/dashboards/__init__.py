"""The demo's dashboards, with and without materialized views."""
