"""Substitution: may a governed query be answered from materialized views, and how? See rewriting.md.

Pure: a typed tree and known views in, rewritings with their proof out. What is not understood is no match.
"""
