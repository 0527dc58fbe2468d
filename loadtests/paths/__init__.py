"""TPC-H and TPC-DS on every path, against the real Trino."""
