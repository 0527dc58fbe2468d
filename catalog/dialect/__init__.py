"""The SQL that exists: lexical rules, faithful parsing and generation of Trino SQL."""
