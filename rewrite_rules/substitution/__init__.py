"""Substitution: may a governed query be answered from materialized views, and how? See rewriting.md.

Pure: a typed tree and known views in, rewritings with their proof out. What is not understood is no match.

The way of a query, by the files that say it:

    blocks_of    every query in the tree that could be answered by itself
    flatten      its canonical form (`blocks`), over `selects`, `relations`, `subqueries`, `spelling`
    forms, texts the fingerprint that whole queries are compared by
    keys         when two expressions mean the same, over `condition_keys`, `value_keys`, `constants`
    prepare      the same of each view's definition, once; `index` finds those that could answer
    joins        the view's tables among the query's, over `embeddings` and `lossless`; `join_back`
    match        one view laid over one query: `conditions`, `sources`, `gaps`, `union`, `row_parts`, `chosen_groups`,
                 `some_rows`
    implication  what conditions say of a row, over `formulas`, `logic`, `comparing`, `ranges`
    buckets      moments by the hours and days that views keep, over `cells`, `zones`, `readings`
    aggregates   aggregates from rows, from groups and from parts, over `calls`, `group_rows` and `monotone`
    scans, tops  what is read of the view, and what stands on top of it
    nested       subqueries above a scan; `inner_answers` from views themselves
    replicas     any query whose tables all have a view that holds them whole
    substitute   the best of it all, or `misses`: why not
"""
