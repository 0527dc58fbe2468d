"""What Prometheus sees: the metric families, by what they measure, each fed from the bus."""
