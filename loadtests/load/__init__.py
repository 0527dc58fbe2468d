"""Many users at once on the demo: dashboards, analysts, partners and pipelines, by locust."""
