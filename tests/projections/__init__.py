"""Read models on a real Postgres."""
