"""Cases of substitution: may a query be answered from materialized views, and is the answer the same?"""
