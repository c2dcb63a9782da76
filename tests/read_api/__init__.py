"""The read API over a real Postgres, and a tape in memory where Kafka is not the point."""
