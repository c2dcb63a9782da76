"""What we show. One file per read model: table, apply, queries, version.

To add a read model: one file, one test, one line in `PROJECTIONS`, a route file if it is exposed.
"""
