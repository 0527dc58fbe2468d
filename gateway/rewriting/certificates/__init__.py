"""Certificates of rewritings, kept by the hash of what they say."""
