"""Training: what rows are, what must not leak, and that twice gives once."""
