"""The demo: a small, complete world around the gateway."""
