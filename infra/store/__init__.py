"""What Postgres holds: the event store and its relay, offsets, tables of read models."""
