"""Certificates held against the engines as they are: what the checker took for granted is asked anew."""
